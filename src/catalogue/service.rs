//! The services whose quotas the catalogue has.

/// The services whose quotas are watched: Amazon Connect and its companions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    Connect,
    Cases,
    Profile,
    Wisdom,
    AppIntegrations,
    Campaigns,
    VoiceId,
}

impl Service {
    /// Those that are asked for their limits. Voice ID is not: AWS ended it.
    pub const ASKED: &[Self] =
        &[Self::Connect, Self::Cases, Self::Profile, Self::Wisdom, Self::AppIntegrations, Self::Campaigns];

    /// Those that an account, or a Region, may not have.
    pub fn companions() -> impl Iterator<Item = Self> {
        Self::ASKED.iter().copied().filter(|service| *service != Self::Connect)
    }

    /// The Service Quotas service code, which is also the prefix of the service's IAM actions.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Cases => "cases",
            Self::Profile => "profile",
            Self::Wisdom => "wisdom",
            Self::AppIntegrations => "app-integrations",
            Self::Campaigns => "connect-campaigns",
            Self::VoiceId => "voiceid",
        }
    }

    /// What AWS calls the service.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "Amazon Connect",
            Self::Cases => "Amazon Connect Cases",
            Self::Profile => "Amazon Connect Customer Profiles",
            Self::Wisdom => "Connect AI agents (Amazon Q in Connect)",
            Self::AppIntegrations => "Amazon AppIntegrations",
            Self::Campaigns => "Amazon Connect outbound campaigns",
            Self::VoiceId => "Amazon Connect Voice ID",
        }
    }
}
