//! Amazon SNS: one message per instance.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;

use crate::alert::Message;
use crate::aws::fault::failure;
use crate::model::{Fault, FaultKind};

const OPERATION: &str = "sns:Publish";

#[derive(Debug, Clone)]
pub struct Sns {
    client: Client,
    topic_arn: String,
}

impl Sns {
    #[must_use]
    pub fn new(sdk: &SdkConfig, topic_arn: &str) -> Self {
        Self { client: Client::new(sdk), topic_arn: topic_arn.to_owned() }
    }

    /// Publishes a message to the topic.
    ///
    /// # Errors
    /// The fault of `Publish`, after the SDK's retries.
    pub async fn publish(&self, message: &Message) -> Result<(), Fault> {
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(&message.subject)
            .message_structure("json")
            .message(&message.body);
        for (name, value) in &message.attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|e| Fault::new(OPERATION, FaultKind::Invalid, e.to_string()))?;
            request = request.message_attributes(*name, value);
        }
        request.send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(OPERATION))
    }
}
