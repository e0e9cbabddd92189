//! Requests for higher limits that AWS leaves open for too long: each is told once, by its id. Pure.
//!
//! They stand among the incidents of the account, under keys that no quota has.

use super::Incidents;
use super::decide::Decision;
use super::incident::{Incident, id_of, is_request, key_of};
use super::news::News;
use crate::domain::overdue::Overdue;
use jiff::Timestamp;

/// What a run knows of requests that hang.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hanging {
    pub requests: Vec<Overdue>,
    /// All requests could be read: what is not among these is open no more, or was touched.
    pub is_whole: bool,
}

impl Hanging {
    /// Those that nobody was told of.
    pub fn untold<'a>(&'a mut self, before: Option<&'a Incidents>) -> impl Iterator<Item = &'a mut Overdue> {
        let is_told = move |overdue: &Overdue| before.is_some_and(|known| known.contains_key(&key_of(&overdue.id())));
        self.requests.iter_mut().filter(move |overdue| !is_told(overdue))
    }
}

impl Decision {
    /// The same decision, with requests that hang.
    #[must_use]
    pub fn with_requests(mut self, before: Option<&Incidents>, hanging: &Hanging, now: Timestamp) -> Self {
        let nothing = Incidents::new();
        let before = before.unwrap_or(&nothing);
        let (mut new, mut over) = (Vec::new(), Vec::new());
        for overdue in &hanging.requests {
            let key = key_of(&overdue.id());
            if let Some(known) = before.get(&key) {
                self.if_not.insert(key.clone(), known.clone());
                self.if_told.insert(key, known.clone());
            } else {
                let told = Incident { name: overdue.quota(), told_at: Some(now), ..Incident::default() };
                self.if_told.insert(key, told);
                new.push(overdue.clone());
            }
        }
        for (key, known) in before.iter().filter(|(key, _)| is_request(key) && !self.if_told.contains_key(*key)) {
            self.if_not.insert(key.clone(), known.clone());
            over.push((key.clone(), known.clone()));
        }
        if !hanging.is_whole {
            self.if_told.extend(std::mem::take(&mut over));
        }
        let over: Vec<_> = over.into_iter().map(|(key, known)| (id_of(&key).to_owned(), known.name)).collect();
        if !(new.is_empty() && over.is_empty()) {
            let mut news = self.news.take().unwrap_or_else(|| News { is_about_rows: false, ..News::nothing() });
            (news.requests, news.requests_over) = (new, over);
            self.news = Some(news);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::increase::IncreaseRequest;
    use crate::domain::overdue::Escalation;

    fn now() -> Timestamp {
        Timestamp::from_second(1_772_452_800).unwrap()
    }

    fn overdue(id: &str) -> Overdue {
        let request = IncreaseRequest {
            id: Some(id.to_owned()),
            quota_code: "L-1".to_owned(),
            desired: 10.0,
            status: "PENDING".to_owned(),
            created: now(),
            updated: now(),
            context: None,
            case_id: None,
        };
        Overdue { request, service_code: "connect".to_owned(), escalation: Escalation::None }
    }

    fn step(before: &Incidents, ids: &[&str], is_whole: bool) -> Decision {
        let nothing = Decision { news: None, if_not: Incidents::new(), if_told: Incidents::new() };
        let hanging = Hanging { requests: ids.iter().map(|id| overdue(id)).collect(), is_whole };
        nothing.with_requests(Some(before), &hanging, now())
    }

    #[test]
    fn a_request_is_told_once_and_forgotten_when_it_is_answered() {
        let first = step(&Incidents::new(), &["a", "b"], true);
        let news = first.news.as_ref().unwrap();
        assert_eq!(
            (news.requests.len(), news.is_about_rows, first.if_not.len(), first.if_told.len()),
            (2, false, 0, 2)
        );
        assert_eq!(step(&first.if_told, &["a", "b"], true).news, None);
        let unread = step(&first.if_told, &[], false);
        assert_eq!((unread.news, unread.if_told.len()), (None, 2), "nobody knows whether they are open");
        let answered = step(&first.if_told, &["b"], true);
        assert_eq!(answered.news.unwrap().requests_over, [("a".to_owned(), "L-1".to_owned())]);
        assert_eq!((answered.if_told.len(), answered.if_not.len()), (1, 2));
        assert_eq!(step(&answered.if_told, &["b", "a"], true).news.unwrap().requests.len(), 1, "it hangs anew");
    }
}
