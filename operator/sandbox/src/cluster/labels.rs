//! Label selectors, read as strictly as the real server reads them and refused in its words.

use super::meta;

/// One demand on the labels of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    key: String,
    demand: Demand,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Above(i64),
    Below(i64),
}

impl Label {
    pub(crate) fn fits(&self, labels: &serde_json::Value) -> bool {
        let value = labels.get(&self.key).and_then(serde_json::Value::as_str);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.demand {
            Demand::In(values) => value.is_some_and(|value| values.iter().any(|v| v == value)),
            Demand::NotIn(values) => value.is_none_or(|value| values.iter().all(|v| v != value)),
            Demand::Exists => value.is_some(),
            Demand::Absent => value.is_none(),
            Demand::Above(limit) => number().is_some_and(|number| number > *limit),
            Demand::Below(limit) => number().is_some_and(|number| number < *limit),
        }
    }
}

/// Reads a selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`, `a<1`, joined by commas.
pub(crate) fn read(text: &str) -> Result<Vec<Label>, String> {
    let mut words = Words { words: split(text), next: 0 };
    let mut labels = Vec::new();
    loop {
        match words.peek() {
            "" => return Ok(labels),
            word if word == "!" || is_identifier(word) => {
                labels.push(read_one(&mut words).map_err(|error| format!("unable to parse requirement: {error}"))?);
            }
            other => return Err(format!("found '{other}', expected: !, identifier, or 'end of string'")),
        }
        match words.take() {
            "" => return Ok(labels),
            "," if words.peek() == "!" || is_identifier(words.peek()) => {}
            "," => return Err(format!("found '{}', expected: identifier after ','", words.peek())),
            other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

fn read_one(words: &mut Words<'_>) -> Result<Label, String> {
    let is_absent = words.peek() == "!";
    if is_absent {
        words.take();
    }
    let key = words.take();
    if !is_identifier(key) {
        return Err(format!("found '{key}', expected: identifier"));
    }
    if !meta::is_qualified(key) {
        return Err(format!("<nil>: Invalid value: {key:?}: {}", meta::KEY_RULE));
    }
    let label = |demand| Ok(Label { key: key.to_owned(), demand });
    if is_absent {
        return label(Demand::Absent);
    }
    if matches!(words.peek(), "" | ",") {
        return label(Demand::Exists);
    }
    let demand = match words.take() {
        "in" => Demand::In(read_values(words)?),
        "notin" => Demand::NotIn(read_values(words)?),
        "=" | "==" => Demand::In(vec![read_value(words)?]),
        "!=" => Demand::NotIn(vec![read_value(words)?]),
        ">" => Demand::Above(read_number(words)?),
        "<" => Demand::Below(read_number(words)?),
        other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    if let Demand::In(values) | Demand::NotIn(values) = &demand
        && let Some(wrong) = values.iter().find(|value| !meta::is_label_value(value))
    {
        return Err(format!("values[0][{key}]: Invalid value: {wrong:?}: {}", meta::LABEL_RULE));
    }
    label(demand)
}

fn read_value(words: &mut Words<'_>) -> Result<String, String> {
    if matches!(words.peek(), "" | ",") {
        return Ok(String::new());
    }
    match words.take() {
        word if is_identifier(word) => Ok(word.to_owned()),
        other => Err(format!("found '{other}', expected: identifier")),
    }
}

fn read_number(words: &mut Words<'_>) -> Result<i64, String> {
    let text = read_value(words)?;
    text.parse().map_err(|_| {
        format!("values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer")
    })
}

fn read_values(words: &mut Words<'_>) -> Result<Vec<String>, String> {
    match words.take() {
        "(" => {}
        other => return Err(format!("found '{other}' expected: '('")),
    }
    let mut values = Vec::new();
    loop {
        // Between two commas, and beside a parenthesis, stands the empty value.
        match words.peek() {
            "," | ")" => values.push(String::new()),
            word if is_identifier(word) => values.push(words.take().to_owned()),
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
        match words.take() {
            ")" => return Ok(values),
            "," => {}
            other => return Err(format!("found '{other}', expected: ',' or ')'")),
        }
    }
}

/// The words and signs of a selector; the empty word is its end.
struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> &'a str {
        self.words.get(self.next).copied().unwrap_or_default()
    }

    fn take(&mut self) -> &'a str {
        let word = self.peek();
        self.next += 1;
        word
    }
}

fn is_sign(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_identifier(word: &str) -> bool {
    !word.is_empty() && !word.starts_with(is_sign)
}

fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = match rest {
            _ if rest.starts_with("==") || rest.starts_with("!=") => 2,
            _ if rest.starts_with(is_sign) => 1,
            _ => rest.find(|c: char| is_sign(c) || c.is_ascii_whitespace()).unwrap_or(rest.len()),
        };
        let (word, more) = rest.split_at(end);
        words.push(word);
        rest = more.trim_start();
    }
    words
}
