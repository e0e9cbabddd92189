//! Who else calls an API that the monitor calls: an alarm on its own calls alone helps nobody.

use super::app::{App, Moment};
use crate::alarms::apis;
use crate::aws::cloudwatch::{Query, Read, Window};
use crate::domain::Fault;
use crate::domain::own_calls::OwnCalls;

/// Of so many days it is known what the monitor itself called.
const DAYS_OF_OWN_CALLS: i64 = 3;

impl App {
    /// The APIs without those that the monitor alone called in the last days: its own calls are known for
    /// three of them.
    ///
    /// # Errors
    /// The APIs that the monitor never calls, those that it calls, and why their calls could not be read.
    pub(super) async fn used_by_others(
        &self,
        used: Vec<apis::Api>,
        own: &OwnCalls,
        moment: Moment,
    ) -> Result<Vec<apis::Api>, (Vec<apis::Api>, Vec<apis::Api>, Fault)> {
        let (ours, mut others): (Vec<_>, Vec<_>) =
            used.into_iter().partition(|api| own.minutes(&api.service, &api.operation).is_some());
        if ours.is_empty() {
            return Ok(others);
        }
        let hour = moment.now.as_second().div_euclid(3_600) * 3_600;
        let window = Window { start: hour - DAYS_OF_OWN_CALLS * 86_400, end: hour + 3_600 };
        let queries: Vec<Query> = ours.iter().map(|api| calls_of_others(api, own)).collect();
        let read = self.aws.cloudwatch.read(&queries, window, moment.deadline).await;
        if let Some(unread) = read.iter().find_map(|series| series.as_ref().err()) {
            return Err((others, ours, unread.fault.clone()));
        }
        let is_called = |series: &Read| series.as_ref().is_ok_and(|series| series.sum > 0.0);
        others.extend(ours.into_iter().zip(&read).filter(|(_, series)| is_called(series)).map(|(api, _)| api));
        Ok(others)
    }
}

/// Calls by the hour, without those of the monitor.
pub(super) fn calls_of_others(api: &apis::Api, own: &OwnCalls) -> Query {
    Query::calls(&api.metric, 3_600).without(own.minutes(&api.service, &api.operation))
}
