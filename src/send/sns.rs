//! Amazon SNS: one message per instance for people, one per event for programs.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::operation::publish::builders::PublishFluentBuilder;
use aws_sdk_sns::types::MessageAttributeValue;
use tokio::task::JoinSet;

use super::sent::Sent;
use crate::aws::fault::failure;
use crate::domain::{Fault, FaultKind};
use crate::say::Message;
use crate::say::outgoing::Event;

pub(super) const OPERATION: &str = "sns:Publish";
/// Events that are on their way at once.
const SIDE_BY_SIDE: usize = 8;

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
        let request = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(&message.subject)
            .message_structure("json")
            .message(&message.body);
        send(request, &message.attributes).await
    }

    /// Publishes each event as a message of its own, the same for every protocol.
    pub async fn send(&self, events: &[Event]) -> Sent {
        let mut sent = Sent::default();
        for some in events.chunks(SIDE_BY_SIDE) {
            let mut running = JoinSet::new();
            for event in some {
                let request = self.client.publish().topic_arn(&self.topic_arn).message(&event.body);
                let attributes = event.attributes.clone();
                running.spawn(async move { send(request, &attributes).await });
            }
            for result in running.join_all().await {
                match result {
                    Ok(()) => sent.accepted += 1,
                    Err(fault) => sent.faults.push(fault),
                }
            }
        }
        sent
    }
}

async fn send(request: PublishFluentBuilder, attributes: &[(&'static str, String)]) -> Result<(), Fault> {
    let mut request = request;
    for (name, value) in attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|e| Fault::new(OPERATION, FaultKind::Invalid, e.to_string()))?;
        request = request.message_attributes(*name, value);
    }
    request.send().await.map(|_| ()).map_err(|e| failure(&e).into_fault(OPERATION))
}
