//! Concurrency, as CloudWatch measures it.

/// A concurrency metric in AWS/Connect, published only while there is activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gauge {
    Calls,
    Chats,
    Tasks,
    Emails,
}

/// The CloudWatch names of a gauge; dimensions are `InstanceId` and `MetricGroup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaugeMetric {
    pub name: &'static str,
    pub metric_group: &'static str,
    /// Seconds between datapoints, which is the period to ask for.
    pub period: i32,
    /// Counters of what AWS rejected because of the quota (statistic Sum).
    pub breaches: &'static [&'static str],
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
        }
    }

    #[must_use]
    pub const fn metric(self) -> GaugeMetric {
        match self {
            Self::Calls => GaugeMetric {
                name: "ConcurrentCalls",
                metric_group: "VoiceCalls",
                period: 60,
                breaches: &["CallsBreachingConcurrencyQuota", "ThrottledCalls"],
            },
            Self::Chats => GaugeMetric {
                name: "ConcurrentActiveChats",
                metric_group: "Chats",
                period: 60,
                breaches: &["ChatsBreachingActiveChatQuota"],
            },
            // Tasks and emails are published every five minutes.
            Self::Tasks => GaugeMetric {
                name: "ConcurrentTasks",
                metric_group: "Tasks",
                period: 300,
                breaches: &["TasksBreachingConcurrencyQuota"],
            },
            Self::Emails => GaugeMetric { name: "ConcurrentEmails", metric_group: "Email", period: 300, breaches: &[] },
        }
    }
}
