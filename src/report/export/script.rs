//! The requests of a finding as a script, independent of a language.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::check::Check;
use crate::finding::{EvidenceStep, Finding, Outcome};
use crate::offerings::Naming;

/// A part of a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Unchanged text.
    Text(String),
    /// The prefix of all created ids.
    Prefix,
    /// A captured value, by its number.
    Captured(usize),
    /// A captured value, percent-encoded.
    Encoded(usize),
    /// A registered product, by its number.
    Product(usize),
}

/// A sent text with variables.
pub(super) type Template = Vec<Piece>;

/// A value that a later request needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Captured {
    /// The step whose response contains it, from 0.
    pub(super) step: usize,
    /// Its place in that response.
    pub(super) from: From,
    /// The recorded value as a template: the default if the response does not contain it.
    pub(super) was: Template,
    /// The recorded value.
    pub(super) value: String,
}

/// A place in a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    /// `id` of an offering.
    Id,
    /// `next_cursor` of a page.
    Cursor,
    /// `id` of an offering of a page, from 0.
    Item(usize),
    /// `id` of the last offering of a page.
    Last,
}

/// One request.
#[derive(Debug)]
pub(super) struct ScriptCall<'f> {
    pub(super) step: &'f EvidenceStep,
    pub(super) path: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) body: Option<Template>,
    /// The id that it creates.
    pub(super) creates: Option<Template>,
}

/// All requests, and the check.
#[derive(Debug)]
pub(super) struct Script<'f> {
    pub(super) finding: &'f Finding,
    /// Base URL of the run.
    pub(super) target: &'f str,
    /// Prefix of the run.
    pub(super) prefix: String,
    pub(super) calls: Vec<ScriptCall<'f>>,
    pub(super) captured: Vec<Captured>,
    /// Products in the requests.
    pub(super) products: Vec<String>,
    pub(super) check: Check,
    /// The `qonform replay` command.
    pub(super) replay: String,
}

/// The prefix of the ids that the run created, from the requests of the finding.
pub(super) fn prefix(finding: &Finding) -> Option<&str> {
    let mut sent = finding.steps.iter().flat_map(|step| [Some(&step.path), step.request_body.as_ref()]).flatten();
    sent.find_map(|text| Naming::prefix_in(text))
}

/// The end of a body that was cut in evidence.
const CUT: &str = " bytes in all)";

impl<'f> Script<'f> {
    pub(super) fn of(outcome: &'f Outcome, finding: &'f Finding) -> Self {
        let prefix = prefix(finding).map_or_else(|| Naming::run_prefix(outcome.seed), str::to_owned);
        let mut script = Self {
            finding,
            target: &outcome.target.url,
            products: products(&finding.steps, &prefix),
            prefix,
            calls: Vec::new(),
            captured: Vec::new(),
            check: Check::of(finding),
            replay: super::super::trace::replay(finding, outcome.report.as_deref()),
        };
        for (index, step) in finding.steps.iter().enumerate() {
            let path = script.path(index, &step.path);
            let headers = step.request_headers.iter().map(|(name, value)| (name.clone(), script.text(value))).collect();
            let body = step.request_body.as_ref().map(|body| script.body(index, body));
            let creates = created(step).map(|id| script.text(&id));
            script.calls.push(ScriptCall { step, path, headers, body, creates });
        }
        if finding.steps.iter().any(|step| step.request_body.as_deref().is_some_and(is_not_all)) {
            script.check = Check::Manual("a body was not saved byte for byte: only replay sends it");
        }
        script
    }

    /// The name of its files and its test: `create-echo-3fdeffb4`.
    pub(super) fn name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let rule: String = self.finding.rule.chars().map(plain).take(60).collect();
        let fingerprint: String = self.finding.fingerprint.chars().map(plain).take(16).collect();
        format!("{rule}-{fingerprint}")
    }

    /// Path and query; each segment and value is looked up.
    fn path(&mut self, index: usize, path: &str) -> Template {
        let mut template = Template::new();
        for part in path.split_inclusive(['/', '?', '&', '=']) {
            let value = part.trim_end_matches(['/', '?', '&', '=']);
            let decoded = percent_decode_str(value).decode_utf8_lossy();
            match self.capture(index, &decoded) {
                Some(number) => template.push(Piece::Encoded(number)),
                None => template.extend(self.text(value)),
            }
            push(&mut template, &part[value.len()..]);
        }
        template
    }

    /// A body; each of its strings is looked up.
    fn body(&mut self, index: usize, body: &str) -> Template {
        let mut template = Template::new();
        for (number, part) in body.split('"').enumerate() {
            if number > 0 {
                push(&mut template, "\"");
            }
            // Text between quotes is a string (escapes are ignored); only strings are ids.
            let product = self.products.iter().position(|product| number % 2 == 1 && product == part);
            match (product, (number % 2 == 1).then(|| self.capture(index, part)).flatten()) {
                (Some(product), _) => template.push(Piece::Product(product)),
                (None, Some(captured)) => template.push(Piece::Captured(captured)),
                (None, None) => template.extend(self.text(part)),
            }
        }
        template
    }

    /// `text` with a variable for the prefix.
    fn text(&self, text: &str) -> Template {
        let mut template = Template::new();
        for (number, part) in text.split(&self.prefix).enumerate() {
            if number > 0 {
                template.push(Piece::Prefix);
            }
            push(&mut template, part);
        }
        template
    }

    /// The number of the captured value that equals `value`, if a response before `index` contains it.
    fn capture(&mut self, index: usize, value: &str) -> Option<usize> {
        // A value that a shell could change is sent as recorded.
        if value.is_empty() || value.contains(|c: char| !(c.is_ascii_graphic() || c == ' ') || matches!(c, '"' | '\\'))
        {
            return None;
        }
        if let Some(known) = self.captured.iter().position(|captured| captured.value == value) {
            return Some(known);
        }
        let steps = &self.finding.steps[..index];
        let (step, from) =
            steps.iter().enumerate().find_map(|(number, step)| Some((number, place_of(step, value)?)))?;
        self.captured.push(Captured { step, from, was: self.text(value), value: value.to_owned() });
        Some(self.captured.len() - 1)
    }
}

fn push(template: &mut Template, text: &str) {
    match template.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => template.push(Piece::Text(text.to_owned())),
    }
}

/// Whether a body in the evidence is incomplete or altered.
pub(super) fn is_not_all(body: &str) -> bool {
    body.contains(char::REPLACEMENT_CHARACTER) || body.ends_with(CUT)
}

fn json(body: Option<&String>) -> Option<Value> {
    serde_json::from_str(body?).ok()
}

/// The place of `value` in a response.
fn place_of(step: &EvidenceStep, value: &str) -> Option<From> {
    let body = json(step.response_body.as_ref()).filter(|_| (200..300).contains(&step.status))?;
    let is = |found: Option<&Value>| found.and_then(Value::as_str) == Some(value);
    if is(body.get("id")) {
        return Some(From::Id);
    }
    let items = body.get("data").and_then(Value::as_array)?;
    match items.iter().position(|item| is(item.get("id"))) {
        Some(place) if place + 1 == items.len() => Some(From::Last),
        Some(place) => Some(From::Item(place)),
        None => is(body.get("next_cursor")).then_some(From::Cursor),
    }
}

/// The id that a step creates; `None` if it was rejected.
pub(super) fn created(step: &EvidenceStep) -> Option<String> {
    let is_create = step.method == "POST" && step.path.split('?').next() == Some("/offerings");
    let id = json(step.request_body.as_ref().filter(|_| is_create))?.get("id")?.as_str()?.to_owned();
    Some(id).filter(|id| (200..300).contains(&step.status) && !id.is_empty())
}

/// Products in requests that the run did not generate.
fn products(steps: &[EvidenceStep], prefix: &str) -> Vec<String> {
    let mut products = Vec::new();
    for step in steps.iter().filter(|step| (200..300).contains(&step.status)) {
        let body = json(step.request_body.as_ref()).unwrap_or_default();
        for product in body.get("product_ids").and_then(Value::as_array).into_iter().flatten() {
            let plain = |id: &&str| id.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
            let own = product.as_str().filter(|id| !id.is_empty() && !id.contains(prefix)).filter(plain);
            products.extend(
                own.filter(|id| !products.iter().any(|known| known == id))
                    .map(str::to_owned)
                    .into_iter()
                    .collect::<Vec<_>>(),
            );
        }
    }
    products
}
