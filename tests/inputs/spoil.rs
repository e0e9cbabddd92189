//! What can become of an answer on its way.

use serde_json::{Value, json};

/// One change of a body.
#[derive(Debug, Clone)]
pub enum Change {
    /// Something else altogether.
    Bytes(Vec<u8>),
    Cut(u16),
    Flip(u16, u8),
    /// A member of the answer, or of an item, becomes another value.
    Set(u16, u8),
    Remove(u16),
    /// Items of a list vanish, or come twice.
    Drop(u16, u8),
    Twice(u16),
    Insert(u16, u8),
}

/// A change as a fuzzer says it: what kind, where, and what with.
pub fn change_of(bytes: &[u8]) -> Change {
    let [kind, a, b, c, rest @ ..] = bytes else { return Change::Bytes(bytes.to_vec()) };
    let at = u16::from_le_bytes([*a, *b]);
    match kind % 8 {
        0 => Change::Bytes(rest.to_vec()),
        1 => Change::Cut(at),
        2 => Change::Flip(at, *c),
        3 => Change::Set(at, *c),
        4 => Change::Remove(at),
        5 => Change::Drop(at, *c),
        6 => Change::Twice(at),
        _ => Change::Insert(at, *c),
    }
}

/// Values that nobody expects.
fn odd(which: u8) -> Value {
    let values = [
        json!(null),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(-9_223_372_036_854_775_808_i64),
        json!(18_446_744_073_709_551_615_u64),
        json!(3.5),
        json!(""),
        json!("x"),
        json!("NaN"),
        json!(true),
        json!([]),
        json!({}),
        json!([null, null]),
        json!([[[]]]),
        json!([{}]),
        json!({ "a": 1 }),
        json!("2999-01-01"),
        json!("\u{0}\u{202e}"),
    ];
    values[usize::from(which) % values.len()].clone()
}

impl Change {
    pub fn apply(&self, body: &[u8]) -> Vec<u8> {
        let near = |at: u16| usize::from(at) % body.len().max(1);
        match self {
            Self::Bytes(bytes) => return bytes.clone(),
            Self::Cut(at) => return body[..near(*at)].to_vec(),
            Self::Flip(at, bit) => {
                let mut body = body.to_vec();
                if let Some(byte) = body.get_mut(near(*at)) {
                    *byte ^= 1 << (bit % 8);
                }
                return body;
            }
            _ => {}
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(body) else {
            // No JSON: a piece of it is written twice.
            let (Self::Set(at, _) | Self::Remove(at) | Self::Drop(at, _) | Self::Twice(at) | Self::Insert(at, _)) =
                self
            else {
                return body.to_vec();
            };
            return [&body[..near(*at)], body].concat();
        };
        let mut places = Vec::new();
        find(&value, &mut places);
        let count = places.len();
        let pick = |at: u16| usize::from(at) % count.max(1);
        match self {
            Self::Set(at, to) => {
                if let Some(place) = places.into_iter().nth(pick(*at)) {
                    *place_of(&mut value, &place) = odd(*to);
                }
            }
            Self::Remove(at) => {
                if let Some((last, parents)) = places.get(pick(*at)).and_then(|place| place.split_last()) {
                    match (place_of(&mut value, parents), last) {
                        (Value::Object(members), Step::Member(name)) => drop(members.remove(name)),
                        (Value::Array(items), Step::Item(n)) => drop(items.remove(*n)),
                        _ => {}
                    }
                }
            }
            Self::Drop(at, n) => list(&mut value, &places, *at, |items| items.truncate(usize::from(*n) % 5)),
            Self::Twice(at) => list(&mut value, &places, *at, |items| items.extend(items.clone())),
            Self::Insert(at, to) => list(&mut value, &places, *at, |items| items.push(odd(*to))),
            _ => {}
        }
        value.to_string().into_bytes()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Item(usize),
}

/// The way to every value in a value.
fn find(value: &Value, places: &mut Vec<Vec<Step>>) {
    fn walk(value: &Value, way: &mut Vec<Step>, places: &mut Vec<Vec<Step>>) {
        let inner: Vec<(Step, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(k, v)| (Step::Member(k.clone()), v)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(n, v)| (Step::Item(n), v)).collect(),
            _ => Vec::new(),
        };
        for (step, value) in inner {
            way.push(step);
            places.push(way.clone());
            walk(value, way, places);
            way.pop();
        }
    }
    walk(value, &mut Vec::new(), places);
}

fn place_of<'a>(value: &'a mut Value, way: &[Step]) -> &'a mut Value {
    way.iter().fold(value, |value, step| match step {
        Step::Member(name) => &mut value[name.as_str()],
        Step::Item(n) => &mut value[*n],
    })
}

/// Changes one of the lists, if there is any.
fn list(value: &mut Value, places: &[Vec<Step>], at: u16, change: impl FnOnce(&mut Vec<Value>)) {
    let lists: Vec<&Vec<Step>> =
        places.iter().filter(|place| seen_at(value, place).is_some_and(Value::is_array)).collect();
    if let Some(place) = lists.get(usize::from(at) % lists.len().max(1)).map(|place| (*place).clone())
        && let Value::Array(items) = place_of(value, &place)
    {
        change(items);
    }
}

fn seen_at<'a>(value: &'a Value, way: &[Step]) -> Option<&'a Value> {
    way.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Item(n) => value.get(n),
    })
}
