//! Condition, key condition, projection and update expressions: their grammar.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

use super::value::{Item, check, invalid};
use crate::wire::AwsError;

/// A step of a document path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

pub(crate) type Path = Vec<Step>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Value(Value),
    IfNotExists(Path, Box<Operand>),
    Sum(Box<Operand>, Box<Operand>),
    Difference(Box<Operand>, Box<Operand>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// With one of `=`, `<>`, `<`, `<=`, `>`, `>=`.
    Compare(Operand, String, Operand),
    Between(Operand, Operand, Operand),
    BeginsWith(Operand, Operand),
    Exists(Path),
    NotExists(Path),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Set(Path, Operand),
    Remove(Path),
}

/// The placeholders of a request, which all its expressions share.
pub(crate) struct Placeholders {
    names: Item,
    values: Item,
    used: RefCell<BTreeSet<String>>,
}

impl Placeholders {
    pub(crate) fn read(input: &Value) -> Result<Self, AwsError> {
        let map = |name: &str| match input.get(name) {
            None | Some(Value::Null) => Ok(Item::new()),
            Some(Value::Object(map)) if !map.is_empty() => Ok(map.clone()),
            Some(_) => Err(invalid(&format!("{name} must not be empty"))),
        };
        let (names, values) = (map("ExpressionAttributeNames")?, map("ExpressionAttributeValues")?);
        values.values().try_for_each(|value| check(value, 1))?;
        Ok(Self { names, values, used: RefCell::default() })
    }

    /// Every placeholder must be used, once all expressions are read.
    pub(crate) fn all_used(&self) -> Result<(), AwsError> {
        let used = self.used.borrow();
        for (kind, map) in [("Names", &self.names), ("Values", &self.values)] {
            let unused: Vec<_> = map.keys().filter(|key| !used.contains(*key)).cloned().collect();
            if !unused.is_empty() {
                let keys = unused.join(", ");
                let message =
                    format!("Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{keys}}}");
                return Err(invalid(&message));
            }
        }
        Ok(())
    }
}

fn is_reserved(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    include_str!("reserved.txt").split_whitespace().any(|reserved| reserved == upper)
}

/// Reads one expression. `kind` is what its errors call it.
pub(crate) struct Parser<'a> {
    kind: &'static str,
    placeholders: &'a Placeholders,
    tokens: Vec<String>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(kind: &'static str, text: &str, placeholders: &'a Placeholders) -> Result<Self, AwsError> {
        let mut parser = Self { kind, placeholders, tokens: Vec::new(), at: 0, depth: 0 };
        if text.trim().is_empty() {
            return Err(parser.error("The expression can not be empty;"));
        }
        parser.tokens = tokens(text).map_err(|near| parser.syntax(&near))?;
        Ok(parser)
    }

    pub(crate) fn condition(mut self) -> Result<Condition, AwsError> {
        let condition = self.any_of()?;
        self.finish()?;
        Ok(condition)
    }

    pub(crate) fn projection(mut self) -> Result<Vec<Path>, AwsError> {
        let mut paths = vec![self.path()?];
        while self.accept(",") {
            paths.push(self.path()?);
        }
        self.finish()?;
        Ok(paths)
    }

    pub(crate) fn update(mut self) -> Result<Vec<Change>, AwsError> {
        let mut changes = Vec::new();
        let mut clauses = BTreeSet::new();
        while let Some(clause) = self.next() {
            let clause = clause.to_ascii_uppercase();
            if !clauses.insert(clause.clone()) {
                let message = format!("The \"{clause}\" section can only be used once in an update expression;");
                return Err(self.error(&message));
            }
            loop {
                let path = match clause.as_str() {
                    "SET" | "REMOVE" => self.path()?,
                    "ADD" | "DELETE" => return Err(self.error(&format!("{clause} is not simulated"))),
                    _ => return Err(self.syntax(&clause)),
                };
                if clause == "REMOVE" {
                    changes.push(Change::Remove(path));
                } else {
                    self.expect("=")?;
                    let left = self.operand()?;
                    let value = if self.accept("+") {
                        Operand::Sum(Box::new(left), Box::new(self.operand()?))
                    } else if self.accept("-") {
                        Operand::Difference(Box::new(left), Box::new(self.operand()?))
                    } else {
                        left
                    };
                    changes.push(Change::Set(path, value));
                }
                if !self.accept(",") {
                    break;
                }
            }
        }
        Ok(changes)
    }

    fn any_of(&mut self) -> Result<Condition, AwsError> {
        let mut left = self.all_of()?;
        while self.accept("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.all_of()?));
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Condition, AwsError> {
        let mut left = self.one()?;
        while self.accept("AND") {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, AwsError> {
        self.depth += 1;
        if self.depth > 300 {
            return Err(self.error("The expression contains too many operators;"));
        }
        if self.accept("NOT") {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.accept("(") {
            let inner = self.any_of()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.peek(1) == Some("(") {
            return self.function();
        }
        let left = self.operand()?;
        if self.accept("BETWEEN") {
            let low = self.operand()?;
            self.expect("AND")?;
            return Ok(Condition::Between(left, low, self.operand()?));
        }
        match self.next() {
            Some(sign) if ["=", "<>", "<", "<=", ">", ">="].contains(&sign.as_str()) => {
                Ok(Condition::Compare(left, sign, self.operand()?))
            }
            other => Err(self.syntax(&other.unwrap_or_else(|| "<EOF>".to_owned()))),
        }
    }

    fn function(&mut self) -> Result<Condition, AwsError> {
        let name = self.next().unwrap_or_default();
        self.expect("(")?;
        let condition = match name.as_str() {
            "attribute_exists" => Condition::Exists(self.path()?),
            "attribute_not_exists" => Condition::NotExists(self.path()?),
            "begins_with" => {
                let subject = self.operand()?;
                self.expect(",")?;
                Condition::BeginsWith(subject, self.operand()?)
            }
            _ => return Err(self.error(&format!("Invalid function name; function: {name}"))),
        };
        self.expect(")")?;
        Ok(condition)
    }

    fn operand(&mut self) -> Result<Operand, AwsError> {
        if self.peek(0) == Some("if_not_exists") && self.peek(1) == Some("(") {
            self.at += 2;
            let path = self.path()?;
            self.expect(",")?;
            let otherwise = match self.peek(0) {
                // One level is enough for AWS's own examples, and keeps the reading bounded.
                Some("if_not_exists") => return Err(self.error("if_not_exists in itself is not simulated")),
                _ => self.operand()?,
            };
            self.expect(")")?;
            return Ok(Operand::IfNotExists(path, Box::new(otherwise)));
        }
        let Some(name) = self.peek(0).filter(|token| token.starts_with(':')).map(str::to_owned) else {
            return Ok(Operand::Path(self.path()?));
        };
        self.at += 1;
        let Some(value) = self.placeholders.values.get(&name) else {
            let message = "An expression attribute value used in expression is not defined; attribute value:";
            return Err(self.error(&format!("{message} {name}")));
        };
        self.placeholders.used.borrow_mut().insert(name);
        Ok(Operand::Value(value.clone()))
    }

    fn path(&mut self) -> Result<Path, AwsError> {
        let mut path = vec![Step::Name(self.name()?)];
        loop {
            if self.accept(".") {
                path.push(Step::Name(self.name()?));
            } else if self.accept("[") {
                let index = self.next().unwrap_or_default();
                path.push(Step::Index(index.parse().map_err(|_| self.syntax(&index))?));
                self.expect("]")?;
            } else {
                return Ok(path);
            }
        }
    }

    fn name(&mut self) -> Result<String, AwsError> {
        let Some(token) = self.next() else { return Err(self.syntax("<EOF>")) };
        if token.starts_with('#') {
            let Some(name) = self.placeholders.names.get(&token).and_then(Value::as_str) else {
                let message = "An expression attribute name used in the document path is not defined; attribute name:";
                return Err(self.error(&format!("{message} {token}")));
            };
            let name = name.to_owned();
            self.placeholders.used.borrow_mut().insert(token);
            return Ok(name);
        }
        if !token.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(self.syntax(&token));
        }
        if is_reserved(&token) {
            let message = format!("Attribute name is a reserved keyword; reserved keyword: {token}");
            return Err(self.error(&message));
        }
        Ok(token)
    }

    fn peek(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn accept(&mut self, wanted: &str) -> bool {
        let found = self.peek(0).is_some_and(|token| token.eq_ignore_ascii_case(wanted));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), AwsError> {
        if self.accept(wanted) {
            return Ok(());
        }
        let near = self.peek(0).unwrap_or("<EOF>").to_owned();
        Err(self.syntax(&near))
    }

    fn finish(&mut self) -> Result<(), AwsError> {
        match self.peek(0).map(str::to_owned) {
            None => Ok(()),
            Some(near) => Err(self.syntax(&near)),
        }
    }

    fn syntax(&self, near: &str) -> AwsError {
        self.error(&format!("Syntax error; token: \"{near}\""))
    }

    fn error(&self, message: &str) -> AwsError {
        invalid(&format!("Invalid {}: {message}", self.kind))
    }
}

/// Words (with their `#` or `:`), signs and punctuation; the offending character when there is one.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut token = c.to_string();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        match c {
            c if c.is_whitespace() => continue,
            c if word(c) || c == '#' || c == ':' => {
                while let Some(more) = chars.next_if(|more| word(*more)) {
                    token.push(more);
                }
            }
            '<' => token.extend(chars.next_if(|more| *more == '=' || *more == '>')),
            '>' => token.extend(chars.next_if(|more| *more == '=')),
            '=' | '(' | ')' | ',' | '.' | '[' | ']' | '+' | '-' => {}
            _ => return Err(token),
        }
        tokens.push(token);
    }
    Ok(tokens)
}
