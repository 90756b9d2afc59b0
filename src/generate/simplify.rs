//! Simplifies a value without regard to its schema.

use serde_json::{Value, json};

/// Values that are one step simpler, the largest step first.
pub(super) fn simpler(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(truth) => truth.then_some(json!(false)).into_iter().collect(),
        Value::Number(number) => numbers(number),
        Value::String(text) => strings(text),
        Value::Array(items) => lists(items),
        Value::Object(object) => {
            let without = object.keys().map(|name| {
                let mut fewer = object.clone();
                fewer.remove(name);
                Value::Object(fewer)
            });
            let within = object.iter().flat_map(|(name, inner)| {
                simpler(inner).into_iter().map(move |inner| {
                    let mut changed = object.clone();
                    changed.insert(name.clone(), inner);
                    Value::Object(changed)
                })
            });
            without.chain(within).collect()
        }
    }
}

fn numbers(number: &serde_json::Number) -> Vec<Value> {
    let mut steps = Vec::new();
    if let Some(integer) = number.as_i64().filter(|integer| *integer != 0) {
        steps.extend([0, integer / 2, integer - integer.signum()].map(Value::from));
        steps.dedup();
    } else if let Some(float) = number.as_f64().filter(|float| *float != 0.0) {
        steps.extend([json!(0), json!(float.trunc())]);
        steps.retain(|step| step.as_f64() != Some(float));
    }
    steps
}

fn strings(text: &str) -> Vec<Value> {
    let characters: Vec<char> = text.chars().collect();
    let mut steps: Vec<String> = Vec::new();
    if !characters.is_empty() {
        steps.push(String::new());
    }
    for size in [characters.len() / 2, characters.len() / 4, 1] {
        if size == 0 || size >= characters.len() {
            continue;
        }
        steps.push(characters[size..].iter().collect());
        steps.push(characters[..characters.len() - size].iter().collect());
    }
    // Remove or replace each character, but only in short texts.
    if characters.len() <= 80 {
        for at in 0..characters.len() {
            let mut fewer = characters.clone();
            fewer.remove(at);
            steps.push(fewer.into_iter().collect());
        }
        for (at, _) in characters.iter().enumerate().filter(|(_, character)| **character != 'a') {
            let mut simpler_text = characters.clone();
            simpler_text[at] = 'a';
            steps.push(simpler_text.into_iter().collect());
        }
    }
    let mut unique = Vec::new();
    for step in steps {
        let step = Value::from(step);
        if !unique.contains(&step) {
            unique.push(step);
        }
    }
    unique
}

fn lists(items: &[Value]) -> Vec<Value> {
    let mut steps = Vec::new();
    let mut size = items.len();
    while size > 0 {
        steps.extend((0..items.len()).step_by(size).map(|start| {
            let end = (start + size).min(items.len());
            Value::Array(items[..start].iter().chain(&items[end..]).cloned().collect())
        }));
        size /= 2;
    }
    for (at, item) in items.iter().enumerate().take(8) {
        steps.extend(simpler(item).into_iter().map(|inner| {
            let mut changed = items.to_vec();
            changed[at] = inner;
            Value::Array(changed)
        }));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_changes_the_value_and_steps_end() {
        let mut value = json!({ "id": "aé/b", "tag": 17, "list": ["x", 1.5, [true]] });
        let mut steps = 0;
        while let Some(next) = simpler(&value).into_iter().next_back() {
            assert_ne!(next, value);
            value = next;
            steps += 1;
            assert!(steps < 1_000);
        }
        assert_eq!(value, json!({}));
    }
}
