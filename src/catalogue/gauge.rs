//! Concurrency, as CloudWatch measures it.

/// A concurrency metric in AWS/Connect, published only while there is activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    Calls,
    Chats,
    Tasks,
    Emails,
    CampaignCalls,
}

/// The CloudWatch names of a gauge; dimensions are `InstanceId` and `MetricGroup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaugeMetric {
    pub name: &'static str,
    /// Values of `MetricGroup` under which AWS publishes it. Where there are several, all are read and the highest
    /// counts.
    pub metric_groups: &'static [&'static str],
    /// Seconds between datapoints, which is the period to ask for.
    pub period: i32,
    /// AWS's own figure of the usage over the limit in force, and how it is documented. Some come as a fraction, others
    /// as whole percents.
    pub share: (&'static str, Share),
    /// Counters of what AWS rejected because of the quota (statistic Sum).
    pub breaches: &'static [&'static str],
}

/// How a share of a limit is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// 0.8 is 80 percent.
    Fraction,
    Percent,
}

impl Gauge {
    /// One of what it counts.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Calls => "call",
            Self::Chats => "chat",
            Self::Tasks => "task",
            Self::Emails => "email",
            Self::CampaignCalls => "campaign call",
        }
    }

    #[must_use]
    pub const fn metric(self) -> GaugeMetric {
        match self {
            Self::Calls => GaugeMetric {
                name: "ConcurrentCalls",
                metric_groups: &["VoiceCalls"],
                period: 60,
                share: ("ConcurrentCallsPercentage", Share::Fraction),
                breaches: &["CallsBreachingConcurrencyQuota", "ThrottledCalls"],
            },
            Self::Chats => GaugeMetric {
                name: "ConcurrentActiveChats",
                metric_groups: &["Chats"],
                period: 60,
                share: ("ConcurrentActiveChatsPercentage", Share::Percent),
                breaches: &["ChatsBreachingActiveChatQuota"],
            },
            // Tasks and emails are published every five minutes.
            Self::Tasks => GaugeMetric {
                name: "ConcurrentTasks",
                metric_groups: &["Tasks"],
                period: 300,
                share: ("ConcurrentTasksPercentage", Share::Percent),
                breaches: &["TasksBreachingConcurrencyQuota"],
            },
            Self::CampaignCalls => GaugeMetric {
                name: "ConcurrentHighVolumeCalls",
                metric_groups: &["VoiceCalls"],
                period: 60,
                share: ("ConcurrentHighVolumeCallsPercentage", Share::Fraction),
                breaches: &[],
            },
            // AWS's page says `Emails`; its older version, and others, say `Email`.
            Self::Emails => GaugeMetric {
                name: "ConcurrentEmails",
                metric_groups: &["Emails", "Email"],
                period: 300,
                share: ("ConcurrentEmailsPercentage", Share::Percent),
                breaches: &[],
            },
        }
    }
}
