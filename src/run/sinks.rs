//! Where the results of a run go: the stores, and the channels of its messages.

use tokio::time::Instant;

use crate::aws::SdkConfig;
use crate::config::Config;
use crate::keep::Stores;
use crate::send::Channels;

/// Every configured sink.
#[derive(Debug, Clone)]
pub struct Sinks {
    pub stores: Stores,
    pub channels: Channels,
}

impl Sinks {
    /// `custom_s3_endpoint`: the user pointed S3 somewhere else, where bucket names are no host names.
    #[must_use]
    pub fn new(sdk: &SdkConfig, config: &Config, custom_s3_endpoint: bool) -> Self {
        Self { stores: Stores::new(sdk, config, custom_s3_endpoint), channels: Channels::new(sdk, config) }
    }

    /// The same sinks for one run, which waits for none of them beyond its end.
    #[must_use]
    pub fn until(&self, end: Instant) -> Self {
        Self { stores: self.stores.until(end), channels: self.channels.until(end) }
    }
}
