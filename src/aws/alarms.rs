//! CloudWatch alarms: which metrics are active, which alarms exist, and writing and deleting ours.
//!
//! CloudWatch's own rates are low (three alarms a second), so these calls are paced like Connect's.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::describe_alarms::builders::DescribeAlarmsFluentBuilder;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, DimensionFilter, MetricAlarm, MetricDataQuery, RecentlyActive,
    StateValue, Statistic, Tag,
};
use tokio::time::Instant;

use super::call::Caller;
use super::cloudwatch::{dimensions, metric_stat};
use super::pages::Pages;
use crate::domain::alarm::{
    Alarm, Comparison, Datapoints, Existing, Filter, METRIC_ID, MetricStat, MissingData, Put, RESULT_ID, TAG, Watch,
};
use crate::domain::around::StandingAlarm;
use crate::domain::{Fault, FaultKind};

/// `DeleteAlarms` takes this many names.
const MOST_DELETED: usize = 100;

/// The paced CloudWatch client of the alarms.
#[derive(Debug, Clone)]
pub struct Alarms {
    client: Client,
    pub(super) caller: Caller,
}

impl Alarms {
    #[must_use]
    pub fn new(client: Client, caller: Caller) -> Self {
        Self { client, caller }
    }

    /// The dimensions of all metrics that match and had data in the last two weeks.
    ///
    /// # Errors
    /// The fault of `ListMetrics`; a part of the pages is no answer.
    pub async fn active(
        &self,
        filter: &Filter,
        deadline: Instant,
    ) -> Result<BTreeSet<BTreeMap<String, String>>, Fault> {
        const OPERATION: &str = "ListMetrics";
        let dimensions =
            filter.dimensions.iter().map(|(name, value)| DimensionFilter::builder().name(name).value(value).build());
        let request = self
            .client
            .list_metrics()
            .namespace(&filter.namespace)
            .metric_name(&filter.name)
            .set_dimensions(Some(dimensions.collect()))
            .set_recently_active(filter.is_recent.then_some(RecentlyActive::Pt3H));
        let mut found = BTreeSet::new();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let send = || request.clone().set_next_token(pages.token()).send();
            let output = self.caller.call(OPERATION, deadline, send).await?;
            found.extend(output.metrics().iter().map(|metric| by_name(metric.dimensions())));
            if !pages.advance(output.next_token)? {
                return Ok(found);
            }
        }
    }

    /// Every metric alarm whose name begins with `prefix`.
    ///
    /// # Errors
    /// The fault of `DescribeAlarms`; a part of the pages is no answer.
    pub async fn existing(&self, prefix: &str, deadline: Instant) -> Result<Vec<Existing>, Fault> {
        self.described(self.client.describe_alarms().alarm_name_prefix(prefix), deadline, existing).await
    }

    /// The metric alarms that look at one of these namespaces.
    ///
    /// # Errors
    /// The fault of `DescribeAlarms`; a part of the pages is no answer.
    pub async fn standing(&self, namespaces: &[&str], deadline: Instant) -> Result<Vec<StandingAlarm>, Fault> {
        let ours = |alarm: &MetricAlarm| {
            let inside = alarm.metrics().iter().filter_map(|m| m.metric_stat()?.metric());
            let inside = inside.filter_map(|m| Some((m.namespace()?.to_owned(), m.metric_name()?.to_owned())));
            let own = alarm.namespace().zip(alarm.metric_name());
            let own = own.map(|(space, name)| (space.to_owned(), name.to_owned()));
            let metrics: Vec<(String, String)> = own.into_iter().chain(inside).collect();
            let looks_at = metrics.iter().any(|(space, _)| namespaces.contains(&space.as_str()));
            Some(StandingAlarm {
                name: alarm.alarm_name().filter(|_| looks_at)?.to_owned(),
                is_in_alarm: alarm.state_value() == Some(&StateValue::Alarm),
                metrics,
                has_action: alarm.actions_enabled != Some(false) && !alarm.alarm_actions().is_empty(),
            })
        };
        self.described(self.client.describe_alarms(), deadline, ours).await
    }

    /// What `pick` takes of the metric alarms on all pages.
    async fn described<T>(
        &self,
        request: DescribeAlarmsFluentBuilder,
        deadline: Instant,
        pick: impl Fn(&MetricAlarm) -> Option<T>,
    ) -> Result<Vec<T>, Fault> {
        const OPERATION: &str = "DescribeAlarms";
        let request = request.alarm_types(AlarmType::MetricAlarm).max_records(100);
        let mut found = Vec::new();
        let mut pages = Pages::new(self.caller.name(OPERATION));
        loop {
            let send = || request.clone().set_next_token(pages.token()).send();
            let output = self.caller.call(OPERATION, deadline, send).await?;
            found.extend(output.metric_alarms().iter().filter_map(&pick));
            if !pages.advance(output.next_token)? {
                return Ok(found);
            }
        }
    }

    /// True where the alarm carries our tag with this value. One that is gone by now is not ours.
    ///
    /// # Errors
    /// The fault of `ListTagsForResource`.
    pub async fn is_ours(&self, arn: &str, owner: &str, deadline: Instant) -> Result<bool, Fault> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match self.caller.call("ListTagsForResource", deadline, || request.clone().send()).await {
            Ok(output) => Ok(output.tags().iter().any(|tag| tag.key() == Some(TAG) && tag.value() == Some(owner))),
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Writes an alarm, with our tag where it is new: CloudWatch ignores the tags of an update.
    ///
    /// # Errors
    /// The fault of `PutMetricAlarm`.
    pub async fn put(&self, put: &Put, owner: &str, deadline: Instant) -> Result<(), Fault> {
        const OPERATION: &str = "PutMetricAlarm";
        let alarm = &put.alarm;
        let tag = Tag::builder().key(TAG).value(owner).build();
        let request = self
            .client
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .alarm_description(&alarm.description)
            .actions_enabled(put.actions_enabled)
            .set_alarm_actions(Some(alarm.actions.clone()))
            .set_ok_actions(Some(alarm.actions.clone()))
            .evaluation_periods(whole(alarm.datapoints.of))
            .datapoints_to_alarm(whole(alarm.datapoints.alarm))
            .threshold(alarm.threshold)
            .comparison_operator(ComparisonOperator::from(alarm.comparison.as_str()))
            .treat_missing_data(alarm.missing.as_str())
            .set_tags(put.is_new.then(|| vec![tag]));
        let request = match &alarm.watch {
            Watch::Metric(series) => request
                .namespace(&series.namespace)
                .metric_name(&series.name)
                .set_dimensions(Some(dimensions(pairs(series))))
                .statistic(Statistic::from(series.statistic.as_str()))
                .period(whole(series.period)),
            Watch::Math { metric, expression, label } => request.metrics(source(metric)).metrics(
                MetricDataQuery::builder().id(RESULT_ID).expression(expression).label(label).return_data(true).build(),
            ),
        };
        self.caller.call(OPERATION, deadline, || request.clone().send()).await.map(|_| ())
    }

    /// Deletes alarms. One that is gone already is no fault.
    ///
    /// # Errors
    /// The fault of `DeleteAlarms`, with the number of alarms that were deleted before.
    pub async fn delete(&self, names: &[String], deadline: Instant) -> Result<usize, (usize, Fault)> {
        let mut deleted = 0;
        for batch in names.chunks(MOST_DELETED) {
            let request = self.client.delete_alarms().set_alarm_names(Some(batch.to_vec()));
            match self.caller.call("DeleteAlarms", deadline, || request.clone().send()).await {
                Ok(_) => {}
                // The other alarms of the batch are deleted all the same.
                Err(fault) if fault.kind == FaultKind::NotFound => {}
                Err(fault) => return Err((deleted, fault)),
            }
            deleted += batch.len();
        }
        Ok(deleted)
    }
}

fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn by_name(dimensions: &[Dimension]) -> BTreeMap<String, String> {
    let pairs = dimensions.iter().filter_map(|d| Some((d.name()?.to_owned(), d.value()?.to_owned())));
    pairs.collect()
}

fn pairs(series: &MetricStat) -> impl Iterator<Item = (&str, &str)> {
    series.dimensions.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn source(series: &MetricStat) -> MetricDataQuery {
    let named = (series.namespace.as_str(), series.name.as_str());
    let stat = metric_stat(named, pairs(series), &series.statistic, whole(series.period));
    MetricDataQuery::builder().id(METRIC_ID).metric_stat(stat).return_data(false).build()
}

fn existing(alarm: &MetricAlarm) -> Option<Existing> {
    Some(Existing {
        name: alarm.alarm_name()?.to_owned(),
        arn: alarm.alarm_arn()?.to_owned(),
        alarm: ours(alarm),
        actions_enabled: alarm.actions_enabled().unwrap_or(true),
    })
}

/// The alarm in our terms; none where something about it cannot be said in them, which makes it
/// different from every alarm that we want.
fn ours(alarm: &MetricAlarm) -> Option<Alarm> {
    let is_plain = alarm.insufficient_data_actions().is_empty()
        && alarm.extended_statistic().is_none()
        && alarm.unit().is_none()
        && alarm.threshold_metric_id().is_none()
        && alarm.evaluate_low_sample_count_percentile().is_none()
        && alarm.ok_actions() == alarm.alarm_actions();
    let comparison = [Comparison::AtOrAbove, Comparison::Above]
        .into_iter()
        .find(|known| alarm.comparison_operator().is_some_and(|held| held.as_str() == known.as_str()))?;
    let of = u32::try_from(alarm.evaluation_periods()?).ok()?;
    let datapoints =
        Datapoints { of, alarm: alarm.datapoints_to_alarm().map_or(Some(of), |alarm| u32::try_from(alarm).ok())? };
    is_plain.then_some(())?;
    let account = alarm.alarm_arn().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
    Some(Alarm {
        name: alarm.alarm_name()?.to_owned(),
        description: alarm.alarm_description().unwrap_or_default().to_owned(),
        watch: if alarm.metrics().is_empty() { single(alarm)? } else { math(alarm.metrics(), account)? },
        comparison,
        threshold: alarm.threshold()?,
        datapoints,
        missing: alarm.treat_missing_data().unwrap_or("missing").parse::<MissingData>().ok()?,
        actions: alarm.alarm_actions().to_vec(),
    })
}

fn single(alarm: &MetricAlarm) -> Option<Watch> {
    Some(Watch::Metric(MetricStat {
        namespace: alarm.namespace()?.to_owned(),
        name: alarm.metric_name()?.to_owned(),
        dimensions: by_name(alarm.dimensions()),
        statistic: alarm.statistic()?.as_str().to_owned(),
        period: u32::try_from(alarm.period()?).ok()?,
    }))
}

/// The two queries of our math, in whatever order they come. A period on the expression and the alarm's
/// own account say nothing new: CloudWatch may fill them in.
fn math(queries: &[MetricDataQuery], account: &str) -> Option<Watch> {
    let find = |id: &str| queries.iter().find(|query| query.id() == Some(id));
    let (metric, result) = (find(METRIC_ID)?, find(RESULT_ID)?);
    let is_plain = queries.len() == 2
        && metric.return_data() == Some(false)
        && result.return_data() != Some(false)
        && queries.iter().all(|query| query.account_id().is_none_or(|id| id == account));
    let stat = metric.metric_stat().filter(|stat| is_plain && stat.unit().is_none())?;
    let source = stat.metric()?;
    Some(Watch::Math {
        metric: MetricStat {
            namespace: source.namespace()?.to_owned(),
            name: source.metric_name()?.to_owned(),
            dimensions: by_name(source.dimensions()),
            statistic: stat.stat()?.to_owned(),
            period: u32::try_from(stat.period()?).ok()?,
        },
        expression: result.expression()?.to_owned(),
        label: result.label().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> MetricStat {
        MetricStat {
            namespace: "AWS/Usage".to_owned(),
            name: "CallCount".to_owned(),
            dimensions: [("Resource".to_owned(), "ListUsers".to_owned())].into(),
            statistic: "Sum".to_owned(),
            period: 60,
        }
    }

    fn result() -> aws_sdk_cloudwatch::types::builders::MetricDataQueryBuilder {
        MetricDataQuery::builder().id(RESULT_ID).expression("m1/(10*60)*100").label("l")
    }

    /// As `DescribeAlarms` might show it: in another order, and with everything filled in.
    fn shown(queries: Vec<MetricDataQuery>) -> MetricAlarm {
        MetricAlarm::builder()
            .alarm_name("n")
            .alarm_arn("arn:aws-cn:cloudwatch:cn-north-1:111122223333:alarm:n")
            .actions_enabled(true)
            .state_value(StateValue::Ok)
            .evaluation_periods(3)
            .threshold(80.0)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .treat_missing_data("notBreaching")
            .set_metrics(Some(queries))
            .build()
    }

    #[test]
    fn what_cloudwatch_fills_in_makes_no_difference() {
        let alarm = Alarm {
            name: "n".to_owned(),
            description: String::new(),
            watch: Watch::Math { metric: series(), expression: "m1/(10*60)*100".to_owned(), label: "l".to_owned() },
            comparison: Comparison::AtOrAbove,
            threshold: 80.0,
            datapoints: Datapoints { alarm: 3, of: 3 },
            missing: MissingData::NotBreaching,
            actions: Vec::new(),
        };
        let filled = result().period(60).account_id("111122223333").return_data(true).build();
        assert_eq!(ours(&shown(vec![source(&series()), filled])), Some(alarm.clone()));
        assert_eq!(ours(&shown(vec![result().build(), source(&series())])), Some(alarm));
    }

    #[test]
    fn what_we_never_make_is_never_taken_for_ours() {
        let other = result().account_id("999999999999").build();
        assert_eq!(ours(&shown(vec![other, source(&series())])), None);
        let third = MetricDataQuery::builder().id("m2").expression("m1").return_data(false).build();
        assert_eq!(ours(&shown(vec![result().build(), source(&series()), third])), None);
        let mut alarm = shown(vec![result().build(), source(&series())]);
        alarm.insufficient_data_actions = Some(vec!["arn:aws:sns:us-east-1:1:t".to_owned()]);
        assert_eq!(ours(&alarm), None);
    }
}
