//! Amazon DynamoDB: documents of the watches, each written only where it is still the version that was read.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::dynamodb::{GET, PUT, put_if_still};
use crate::aws::fault::failure;
use crate::aws::patience::Patience;
use crate::domain::{Fault, FaultKind};

/// The sort key, before every timestamp.
const WATCH: &str = "#watch";

/// The documents of one table.
#[derive(Debug, Clone)]
pub struct Documents {
    client: Client,
    table: String,
}

impl Documents {
    #[must_use]
    pub fn new(sdk: &SdkConfig, table: &str) -> Self {
        Self { client: Client::new(sdk), table: table.to_owned() }
    }

    /// A document's text and its version; none where there is no such document.
    ///
    /// # Errors
    /// The fault of `GetItem`; an item without text and version is one too.
    pub async fn read(&self, patience: &Patience, subject: &str) -> Result<Option<(String, u64)>, Fault> {
        let reading = async {
            let request = self.client.get_item().table_name(&self.table).consistent_read(true);
            let key = AttributeValue::S(subject.to_owned());
            let request = request.key("subject", key).key("timestamp", AttributeValue::S(WATCH.to_owned()));
            request.send().await.map_err(|e| failure(&e).into_fault(GET))
        };
        let Some(item) = patience.wait("DynamoDB", GET, reading).await?.item else { return Ok(None) };
        let text = item.get("document").and_then(|value| value.as_s().ok());
        let version = item.get("version").and_then(|value| value.as_n().ok()).and_then(|text| text.parse().ok());
        let (Some(text), Some(version)) = (text, version) else {
            let why = format!("{subject} in the table {} has no document and version", self.table);
            return Err(Fault::new(GET, FaultKind::BadResponse, why));
        };
        Ok(Some((text.clone(), version)))
    }

    /// Writes a document as version `known + 1`; false where somebody else has written it since. 0: there was none.
    ///
    /// # Errors
    /// The fault of `PutItem`.
    pub async fn write(
        &self,
        patience: &Patience,
        subject: &str,
        text: String,
        known: u64,
        expires_at: i64,
    ) -> Result<bool, Fault> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("subject", AttributeValue::S(subject.to_owned()))
            .item("timestamp", AttributeValue::S(WATCH.to_owned()))
            .item("document", AttributeValue::S(text))
            .item("version", AttributeValue::N((known + 1).to_string()))
            .item("expires_at", AttributeValue::N(expires_at.to_string()));
        let writing = put_if_still(request, (known > 0).then_some(known));
        patience.wait("DynamoDB", PUT, writing).await
    }
}
