//! Simpler values than a value, whatever its schema: the steps of shrinking one by hand.

use serde_json::{Value, json};

/// Values that are one step simpler, the boldest step first.
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
    let letters: Vec<char> = text.chars().collect();
    let mut steps: Vec<String> = Vec::new();
    if !letters.is_empty() {
        steps.push(String::new());
    }
    for size in [letters.len() / 2, letters.len() / 4, 1] {
        if size == 0 || size >= letters.len() {
            continue;
        }
        steps.push(letters[size..].iter().collect());
        steps.push(letters[..letters.len() - size].iter().collect());
    }
    // Without any one character, and with any one made plain: only for texts that are short enough to try them all.
    if letters.len() <= 80 {
        for at in 0..letters.len() {
            let mut fewer = letters.clone();
            fewer.remove(at);
            steps.push(fewer.into_iter().collect());
        }
        for (at, _) in letters.iter().enumerate().filter(|(_, letter)| **letter != 'a') {
            let mut plainer = letters.clone();
            plainer[at] = 'a';
            steps.push(plainer.into_iter().collect());
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
    fn every_step_is_another_value_and_steps_come_to_an_end() {
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
