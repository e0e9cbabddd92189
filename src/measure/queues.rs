//! The queues that have a maximum of contacts: how full each is, and what it turned away.

use super::detail::Tallies;
use super::outcome::{unknown, used};
use super::scan::Scan;
use crate::aws::cloudwatch::{Query, Read, Window};
use crate::catalogue::{Listing, Quota};
use crate::domain::limit::Statistic;
use crate::domain::own_calls::Minutes;
use crate::domain::{Fault, GroupUsage, Instance, Measured, Usage};

/// What CloudWatch told of one queue that has a maximum.
pub(super) struct QueueRead {
    pub name: String,
    pub most: f64,
    pub size: Read,
    pub turned_away: Read,
}

impl Scan {
    /// Contacts in the queues of an instance that have a maximum, and what these turned away.
    pub(super) async fn queues(&self, instance: &Instance, tallies: &Tallies) -> Vec<QueueRead> {
        let Some(Ok(tally)) = tallies.get(&Listing::LimitedQueues) else { return Vec::new() };
        let limited = || tally.groups.values().filter_map(|group| Some((group.name.as_deref()?, group.count)));
        let query = |name: &str, queue: &str, statistic| Query {
            namespace: "AWS/Connect".to_owned(),
            name: name.to_owned(),
            dimensions: [("InstanceId", instance.id.as_str()), ("MetricGroup", "Queue"), ("QueueName", queue)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            statistic,
            period: 60,
            rolling: None,
            own: Minutes::new(),
        };
        let queries: Vec<Query> = limited()
            .flat_map(|(queue, _)| {
                [("QueueSize", Statistic::Maximum), ("QueueCapacityExceededError", Statistic::Sum)]
                    .map(|(name, statistic)| query(name, queue, statistic))
            })
            .collect();
        let window = Window { start: self.looks_back_to(&instance.id), ..self.window };
        let mut answers = self.aws.cloudwatch.read(&queries, window, self.deadline).await.into_iter();
        let mut queues = Vec::new();
        for (name, most) in limited() {
            if let (Some(size), Some(turned_away)) = (answers.next(), answers.next()) {
                #[expect(clippy::cast_precision_loss, reason = "AWS takes a 32-bit number")]
                queues.push(QueueRead { name: name.to_owned(), most: most as f64, size, turned_away });
            }
        }
        queues
    }
}

/// The contacts in each queue that has a maximum, against it.
pub(super) fn capacity(quota: &Quota, queues: &[QueueRead]) -> Measured {
    if queues.is_empty() {
        let why = "no queue of this instance has a maximum of contacts: the quotas of concurrency bound them all";
        return Measured::NotMeasurable(why.to_owned());
    }
    let mut lacks: Option<Fault> = None;
    let mut has_seen = false;
    let mut read = |read: &Read| match read {
        Ok(series) => {
            has_seen |= series.peak_at.is_some();
            *series
        }
        Err(unread) => {
            lacks = lacks.take().or_else(|| Some(unread.fault.clone()));
            has_seen |= unread.part.is_some();
            unread.part.unwrap_or_default()
        }
    };
    let groups: Vec<GroupUsage> = queues
        .iter()
        .map(|queue| {
            let (size, turned_away) = (read(&queue.size), read(&queue.turned_away));
            GroupUsage {
                name: queue.name.clone(),
                value: size.peak,
                limit: Some(queue.most),
                is_set_there: true,
                rejected: turned_away.sum,
                peak_at: size.peak_at,
            }
        })
        .collect();
    let rejected: f64 = groups.iter().map(|group| group.rejected).sum();
    let note = (rejected > 0.0).then(|| format!("{rejected} contacts were turned away by full queues in the window"));
    let usage = Usage { rejected, note, groups, ..Usage::default() };
    match (used(quota, usage), lacks) {
        (Measured::Usage(usage), Some(fault)) if has_seen => Measured::AtLeast(usage, fault),
        (_, Some(fault)) => unknown(&fault),
        (measured, None) => measured,
    }
}
