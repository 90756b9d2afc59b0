//! Runs inputs: creates the offerings that they need and sends them. The oracle judges the responses.

use super::coverage::Acceptance;
use super::inputs::{Input, Inputs, Origin};
use super::suggested_id::{Preserve, SuggestedId};
use super::template::{Encoding, ID, InputBody, InputSubject, NO_PRODUCT, Spelling};
use crate::contract::Endpoint;
use crate::exchange::{Exchange, OperationRef, Request, TransportError, encode_segment};
use crate::finding::{Constraints, Failure};
use crate::generate::{Constraint, Validity};
use crate::offerings::Context;
use crate::offerings::oracle::Call;
use crate::offerings::scenario::ScriptResult;
use crate::project::Abort;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

/// After at most this many inputs the state is read, so that few of them can have caused a difference.
const BATCH: usize = 24;

/// How often the request of an input is sent again after its response was lost.
const MAX_LOST: usize = 3;

/// The longest offering id, in characters.
const MAX_ID: usize = 64;

impl Inputs {
    /// Sends all inputs and attributes each failure to the inputs that can have caused it.
    ///
    /// # Errors
    /// [`Abort::World`] when a request that a server must respond to gets no response, [`Abort::Blocked`] when the
    /// project cannot be read.
    pub async fn run(&self, cx: &mut Context, coverage: &mut Constraints) -> ScriptResult {
        cx.record().attribute(&(0..1));
        if let OperationRef::Other(_) = self.operation {
            return self.run_other(cx, coverage).await;
        }
        let operation = self.id.as_str();
        let mut runner = InputRunner {
            cx,
            coverage,
            operation,
            shared: BTreeMap::new(),
            slot: 0,
            set_up: BTreeSet::new(),
            replaced: 0,
            unprefixed: Vec::new(),
            locks: BTreeMap::new(),
            since: 0,
            sent: Vec::new(),
        };
        let mut index = 0;
        while index < self.list.len() {
            if index - runner.since >= BATCH {
                let result = runner.cx.read_state().await;
                runner.attribute(index);
                result?;
            }
            let end = index + runner.count_at_once(&self.list[index..]);
            let set_up = runner.set_up_all(index..end, &self.list[index..]).await;
            let result = match (set_up, &self.list[index..end]) {
                (Err(abort), _) => Err(abort),
                (Ok(()), [input]) => runner.run(index, input).await,
                (Ok(()), inputs) => runner.run_at_once(index, inputs).await,
            };
            runner.attribute(end);
            result?;
            index = end;
        }
        let result = runner.cx.read_projects().await;
        runner.attribute(self.list.len());
        result
    }
}

impl Input {
    /// Whether it sends only a GET and needs no offering to be created.
    pub fn only_reads(&self) -> bool {
        let needs_offering = match &self.template.subject {
            InputSubject::Shared | InputSubject::AtLeast(_) | InputSubject::Existing(..) => true,
            InputSubject::Invalid { truncated_to, .. } => truncated_to.is_some(),
            InputSubject::None | InputSubject::Main | InputSubject::Missing(_) | InputSubject::Segment(_) => false,
        };
        self.template.method == http::Method::GET && !needs_offering && self.template.neighbour.is_none()
    }
}

pub(super) struct InputRunner<'r> {
    pub(super) cx: &'r mut Context,
    coverage: &'r mut Constraints,
    operation: &'r str,
    /// The offerings of [`InputSubject::Shared`], by their slots: updates that are sent at once use different ones.
    shared: BTreeMap<usize, String>,
    /// The slot of the next input.
    pub(super) slot: usize,
    /// Offerings that inputs need which are sent at once.
    pub(super) set_up: BTreeSet<String>,
    /// The number of replacements for unusable offerings, which makes their ids unique.
    replaced: usize,
    /// Ids created for the current input without the prefix of the run.
    unprefixed: Vec<String>,
    /// The ids without the prefix of the case that the current inputs use, in lower case.
    pub(super) locks: BTreeMap<String, OwnedMutexGuard<()>>,
    /// The first input that wrote since the state was read.
    since: usize,
    /// The exchanges of the inputs since then.
    pub(super) sent: Vec<(usize, Arc<Exchange>)>,
}

/// The offering that a request is about, and its path segment.
#[derive(Default)]
struct InputTarget {
    id: Option<String>,
    segment: Option<String>,
}

/// What an input needs, or the reason why it is not available.
type Prepared<T> = Result<T, &'static str>;

const NOT_CREATED: &str = "the offering that it needs was not created";
const EXISTS: &str = "its id already exists";

impl InputRunner<'_> {
    pub(super) async fn run(&mut self, index: usize, input: &Input) -> ScriptResult {
        self.locks.clear();
        let Some(request) = self.prepared(input).await? else { return Ok(()) };
        if let Some(call) = Call::read(&request) {
            self.lock(&call.id).await;
        }
        self.send(index, input, request).await
    }

    /// The request of an input; `None` if it cannot be sent, which is noted.
    pub(super) async fn prepared(&mut self, input: &Input) -> Result<Option<Request>, Abort> {
        match self.request(input).await? {
            Ok(request) => Ok(Some(request)),
            Err(reason) => {
                self.coverage.unsendable.push(format!("{} {}: {reason}", self.operation, input.description));
                Ok(None)
            }
        }
    }

    pub(super) async fn send(&mut self, index: usize, input: &Input, request: Request) -> ScriptResult {
        let is_write = request.is_write();
        let mut sent = self.cx.send(request.clone()).await;
        for _ in 0..MAX_LOST {
            if !is_write || !matches!(sent, Err(Abort::World(TransportError::Broken { .. }))) {
                break;
            }
            // The context reads first whether the lost request was applied.
            sent = self.cx.send(request.clone()).await;
        }
        let exchange = match sent {
            // A server may close the connection on an unusual request; a lost read leaves the state known.
            Err(Abort::World(TransportError::Broken { .. })) if !is_write && input.origin == Origin::Unusual => {
                let what =
                    format!("{} {}: the connection was closed without a response", self.operation, input.description);
                self.coverage.unsendable.push(what);
                return Ok(());
            }
            sent => sent?,
        };
        self.received(index, input, exchange).await
    }

    pub(super) async fn received(&mut self, index: usize, input: &Input, exchange: Arc<Exchange>) -> ScriptResult {
        self.sent.push((index, Arc::clone(&exchange)));
        if let (Some(covered), Some(acceptance)) = (&input.covers, Acceptance::of(&exchange.response)) {
            self.coverage.count(self.operation, covered, acceptance);
        }
        self.remove_unprefixed(&exchange).await
    }

    /// Attributes the failures since the last call; the inputs before `end` have been sent.
    fn attribute(&mut self, end: usize) {
        let (sent, since) = (&self.sent, self.since);
        for failure in self.cx.record().failures.iter_mut().filter(|failure| failure.evidence.steps.is_empty()) {
            failure.evidence.steps = causes(failure, sent, since, end);
        }
        let first = self.cx.state().writes().first().map(|write| Arc::clone(&write.at));
        let Some(first) = first else {
            (self.since, self.sent) = (end, Vec::new());
            return;
        };
        // Exchanges that prepare an input count as its own.
        let place = self.sent.iter().position(|(_, exchange)| Arc::ptr_eq(exchange, &first));
        let is_before = |(_, exchange): &(usize, Arc<Exchange>)| exchange.started < first.started;
        let place = place.unwrap_or_else(|| self.sent.iter().take_while(|sent| is_before(sent)).count());
        self.sent.drain(..place);
        self.since = self.sent.first().map_or(end.saturating_sub(1), |(index, _)| *index);
    }

    /// An unused id that is unique to the input.
    fn prefix(&self, input: &Input) -> String {
        self.cx.id(&format!("{}x", input.number))
    }

    pub(super) fn id_for(&self, input: &Input, name: &SuggestedId) -> String {
        name.with_prefix(&self.prefix(input), |id| match &input.class {
            Some(class) => class.schema.is(&class.validity, &Value::from(id)),
            None => id.chars().count() <= MAX_ID || name.preserve == Preserve::Length,
        })
    }

    /// Whether an offering already has this id, in any letter case.
    pub(super) fn exists(&self, id: &str) -> bool {
        let others = &self.cx.before().offerings;
        self.cx.find(id).is_some() || others.iter().any(|other| other.id.eq_ignore_ascii_case(id))
    }

    /// Whether a write would reach an offering that was there before the case, however often a server decodes the
    /// segment. Generated requests do not; a saved one may have been changed.
    fn names_other(&self, input: &Input, segment: &str) -> bool {
        let is_read = matches!(input.template.method, http::Method::GET | http::Method::HEAD | http::Method::OPTIONS);
        let mut decoded = segment.to_owned();
        for _ in 0..=3 {
            let others = &self.cx.before().offerings;
            if !is_read && others.iter().any(|other| other.id.eq_ignore_ascii_case(&decoded)) {
                return true;
            }
            decoded = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        }
        false
    }

    fn is_sound(&self, id: &str) -> bool {
        self.cx.find(id).is_some() && !self.cx.tainted.contains(id)
    }

    /// Creates the offerings that an input needs, then builds its request.
    async fn request(&mut self, input: &Input) -> Result<Prepared<Request>, Abort> {
        let (template, fresh) = (&input.template, self.prefix(input));
        if let Some(neighbour) = &template.neighbour
            && !self.set_up(&neighbour.replace(ID, &fresh)).await?
        {
            return Ok(Err(NOT_CREATED));
        }
        let InputTarget { id: subject, segment } = match self.target(input).await? {
            Ok(target) => target,
            Err(reason) => return Ok(Err(reason)),
        };
        let segment = segment.or_else(|| subject.as_deref().map(|id| Spelling::Plain.segment(id))).unwrap_or_default();
        let mut request = Request::new(input.operation.clone(), template.method.clone(), template.path.as_str());
        request.path = template.path.replace("{offering_id}", &segment);
        for part in &template.query {
            let id = encode_segment(subject.as_deref().unwrap_or(&fresh));
            request = request.raw_query(&part.replace(ID, &id));
        }
        for (name, value) in &template.headers {
            request = request.header(name, value.replace(ID, &fresh));
        }
        let InputBody::Json(value, preserve) = &template.content else {
            return Ok(Ok(with_text(request, &template.content, &fresh)));
        };
        let mut value = with_fresh_ids(value, &fresh);
        self.name_products(input, &mut value);
        if let Some((id, preserve)) = value.get("id").and_then(Value::as_str).zip(*preserve) {
            let id = match &subject {
                // The one create whose id must exist.
                Some(existing) if input.operation.endpoint() == Some(Endpoint::Create) => existing.clone(),
                _ => self.new_id(input, &value, id, preserve),
            };
            if subject.is_none() && self.exists(&id) {
                return Ok(Err(EXISTS));
            }
            value["id"] = json!(id);
        }
        Ok(Ok(request.json(&value)))
    }

    async fn target(&mut self, input: &Input) -> Result<Prepared<InputTarget>, Abort> {
        let of = |id: String| InputTarget { id: Some(id), segment: None };
        Ok(Ok(match &input.template.subject {
            InputSubject::None => InputTarget::default(),
            InputSubject::AtLeast(count) => {
                self.fill_project(*count).await?;
                InputTarget::default()
            }
            InputSubject::Segment(text) if self.names_other(input, text) => return Ok(Err(EXISTS)),
            InputSubject::Segment(text) => {
                InputTarget { id: None, segment: Some(text.replace(ID, &self.prefix(input))) }
            }
            InputSubject::Missing(name) => {
                let id = self.id_for(input, name);
                if self.exists(&id) {
                    return Ok(Err(EXISTS));
                }
                of(id)
            }
            InputSubject::Shared => return Ok(self.shared().await?.map(of).ok_or(NOT_CREATED)),
            InputSubject::Main => {
                return Ok(self.main().await?.map(of).ok_or("the main offering is not the run's own"));
            }
            InputSubject::Existing(name, spelling) => {
                let id = self.id_for(input, name);
                let is_set_up = self.set_up.remove(&id) && self.cx.find(&id).is_some();
                if !is_set_up && (self.exists(&id) || !self.set_up(&id).await?) {
                    return Ok(Err(NOT_CREATED));
                }
                InputTarget { segment: Some(spelling.segment(&id)), id: Some(id) }
            }
            InputSubject::Invalid { name, truncated_to } => {
                let id = self.id_for(input, name);
                if self.names_other(input, &id) {
                    return Ok(Err(EXISTS));
                }
                if let Some(truncated_to) = truncated_to {
                    let cut: String = id.chars().take(*truncated_to).collect();
                    // If this fails, the input is sent anyway: it only cannot detect truncation.
                    let _ = !self.exists(&cut) && self.set_up(&cut).await?;
                }
                InputTarget { id: None, segment: Some(encode_segment(&id)) }
            }
        }))
    }

    /// The id of a new offering. An empty suggestion stands for any id.
    fn new_id(&self, input: &Input, body: &Value, id: &str, preserve: Preserve) -> String {
        let prefix = self.prefix(input);
        if id.is_empty() && preserve == Preserve::Whole {
            return prefix;
        }
        SuggestedId::like(id, preserve).with_prefix(&prefix, |id| match &input.class {
            Some(class) => {
                let mut body = body.clone();
                body["id"] = json!(id);
                class.schema.is(&class.validity, &body)
            }
            None => id.chars().count() <= MAX_ID || preserve == Preserve::Length,
        })
    }

    /// Adds the prefix of the run to unknown products where the length allows it, so that the project cannot have them.
    fn name_products(&self, input: &Input, body: &mut Value) {
        let fresh = self.prefix(input);
        let known = &self.cx.project().fixtures.products;
        let is_length = |constraint| matches!(constraint, Constraint::MinLength | Constraint::MaxLength);
        let about = input.covers.as_ref().map(|covered| &covered.facet);
        let is_about_length = about.is_some_and(|facet| facet.place == "/product_ids/*" && is_length(facet.constraint));
        let preserve = if is_about_length { Preserve::Length } else { Preserve::Letters };
        let count = body.get("product_ids").and_then(Value::as_array).map_or(0, Vec::len);
        for place in 0..count {
            let Some(text) = body["product_ids"][place].as_str() else { continue };
            if let Some(rest) = text.strip_prefix(NO_PRODUCT) {
                body["product_ids"][place] = json!(format!("{fresh}{rest}"));
                continue;
            }
            let Some(class) = input.class.as_ref().filter(|class| class.validity == Validity::Valid) else { continue };
            if known.iter().any(|known| known == text) {
                continue;
            }
            let named = SuggestedId::like(text, preserve).with_prefix(&fresh, |id| {
                let mut candidate = body.clone();
                candidate["product_ids"][place] = json!(id);
                class.schema.is(&class.validity, &candidate)
            });
            body["product_ids"][place] = json!(named);
        }
    }

    /// The regular offering that inputs share; a new one if the last is main, missing or not in its expected state.
    async fn shared(&mut self) -> Result<Option<String>, Abort> {
        let is_usable = |cx: &Self, id: &str| cx.is_sound(id) && cx.cx.state().main() != Some(id);
        if !self.shared.get(&self.slot).is_some_and(|id| is_usable(self, id)) {
            let id = self.replacement("shared");
            self.shared.remove(&self.slot);
            if self.set_up(&id).await? {
                self.shared.insert(self.slot, id);
            }
        }
        Ok(self.shared.get(&self.slot).cloned())
    }

    /// The main offering, where the run may change it: in an exclusive project, or one that the run created.
    async fn main(&mut self) -> Result<Option<String>, Abort> {
        let state = self.cx.state();
        let is_own = |id: &&str| !self.cx.is_shared() || state.world().is_created(id);
        let Some(main) = state.main().filter(is_own).map(str::to_owned) else { return Ok(None) };
        if self.is_sound(&main) {
            return Ok(Some(main));
        }
        let id = self.replacement("main");
        if self.set_up(&id).await? {
            self.cx.set_main(&id).await?;
        }
        Ok((self.cx.state().main() == Some(&*id)).then_some(id))
    }

    fn replacement(&mut self, name: &str) -> String {
        self.replaced += 1;
        self.cx.id(&format!("{name}{}", self.replaced))
    }

    /// Creates offerings until the project has at least `count`.
    async fn fill_project(&mut self, count: usize) -> ScriptResult {
        if self.cx.state().main().is_none() {
            self.create_other().await?;
        }
        let missing = self.cx.state().world().offerings().count()..count;
        let ids = missing.map(|number| self.cx.id(&format!("crowd{number}")));
        let creates: Vec<_> = ids.map(|id| Request::to(Endpoint::Create).json(&json!({ "id": id }))).collect();
        self.cx.send_all(&creates).await.map(drop)
    }

    /// Creates an offering that an input needs; returns whether it exists.
    async fn set_up(&mut self, id: &str) -> Result<bool, Abort> {
        if self.cx.state().main().is_none() {
            self.create_other().await?;
        }
        self.lock(id).await;
        self.cx.create(&json!({ "id": id })).await?;
        if !self.has_prefix(id) {
            self.unprefixed.push(id.to_owned());
        }
        Ok(self.cx.find(id).is_some())
    }

    /// The id of an auxiliary offering, created if missing; in an empty project it becomes main.
    pub(super) async fn create_other(&mut self) -> Result<String, Abort> {
        let id = self.cx.id("other");
        if self.cx.find(&id).is_none() {
            self.cx.create(&json!({ "id": id })).await?;
        }
        Ok(id)
    }

    /// Removes offerings without the prefix of the run, which the cleanup would not find.
    async fn remove_unprefixed(&mut self, exchange: &Arc<Exchange>) -> ScriptResult {
        let created = exchange.request.operation.endpoint() == Some(Endpoint::Create) && exchange.response.is_success();
        let returned = exchange.response.json().and_then(|body| body.get("id")?.as_str()).filter(|_| created);
        let named = exchange.request.path_id().filter(|_| exchange.request.operation.endpoint().is_some());
        let prefix = self.cx.id("");
        let set_up = std::mem::take(&mut self.unprefixed);
        let mut ids: Vec<String> = returned.map(str::to_owned).into_iter().chain(named).chain(set_up).collect();
        ids.dedup();
        for id in ids {
            let is_there = self.cx.find(&id).is_some()
                && self.cx.before().find(&id).is_none()
                // Another client of a shared project may have created it.
                && self.cx.state().world().is_ours(&id);
            if id.starts_with(&prefix) || !is_there || matches!(id.as_str(), "" | "." | "..") {
                continue;
            }
            if self.cx.state().main() == Some(&*id) {
                // The contract leaves open what deleting the main does, so another offering is promoted first.
                let other = self.create_other().await?;
                self.cx.set_main(&other).await?;
            }
            self.cx.delete(&id).await?;
        }
        Ok(())
    }
}

/// The inputs before `end` that can have caused a failure: the one whose response shows it; otherwise the accepted
/// writes of its trace; otherwise all inputs since the state was read.
fn causes(failure: &Failure, sent: &[(usize, Arc<Exchange>)], since: usize, end: usize) -> Range<usize> {
    let is_own = |(_, exchange): &&(usize, Arc<Exchange>)| Arc::ptr_eq(exchange, &failure.at);
    if let Some((place, _)) = sent.iter().find(is_own) {
        return *place..place + 1;
    }
    let last = end.saturating_sub(1);
    if failure.at.request.is_write() {
        return last..last + 1;
    }
    let is_in_trace = |exchange: &Arc<Exchange>| failure.trace.iter().any(|step| Arc::ptr_eq(step, exchange));
    let is_cause = |(_, exchange): &&(usize, Arc<Exchange>)| {
        exchange.request.is_write() && exchange.response.is_success() && is_in_trace(exchange)
    };
    let causes: BTreeSet<_> = sent.iter().filter(is_cause).map(|(place, _)| *place).collect();
    match (causes.first(), causes.last()) {
        (Some(first), Some(last)) => *first..last + 1,
        _ => since.min(last)..last + 1,
    }
}

/// The body with every [`ID`] replaced by a fresh text.
fn with_fresh_ids(body: &Value, fresh: &str) -> Value {
    let text = body.to_string();
    let has_placeholder = text.contains(ID);
    has_placeholder
        .then(|| serde_json::from_str(&text.replace(ID, fresh)).ok())
        .flatten()
        .unwrap_or_else(|| body.clone())
}

fn with_text(request: Request, content: &InputBody, fresh: &str) -> Request {
    let InputBody::Text { declared, text, encoding } = content else { return request };
    let text = text.replace(ID, fresh);
    let bytes: Bytes = if *encoding == Encoding::Utf8 { text.into() } else { encoding.bytes(&text) };
    match declared {
        Some(declared) => request.raw_body(declared, bytes),
        None => Request { body: Some(bytes), ..request },
    }
}
