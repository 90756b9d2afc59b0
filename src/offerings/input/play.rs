//! Inputs on a stage: what they need is set up, they are sent, and their answers are judged.

use super::coverage::Taken;
use super::expect::Expectation;
use super::inputs::{Input, Inputs};
use super::name::{Fit, Name};
use super::recipe::{Content, Encoding, ID, Recipe, Spelling, Subject};
use crate::check::{Offering, offerings_in};
use crate::contract::{Endpoint, Level};
use crate::exchange::{Exchange, OperationRef, Request, TransportError, encode_segment};
use crate::finding::Constraints;
use crate::generate::Side;
use crate::lane::{Halt, is_restarted};
use crate::offerings::Stage;
use crate::offerings::scenario::Flow;
use bytes::Bytes;
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The rules that inputs can check, besides what holds for every answer.
pub const RULES: &[&str] = &[
    "auth.malformed",
    "list.limit-honoured",
    "list.default-limit",
    "list.limit-invalid",
    "list.unknown-cursor",
    "list.cursor-invalid",
    "list.pages-cover",
    "list.unknown-query",
    "create.echo",
    "create.id-bounds",
    "create.id-invalid",
    "create.duplicate",
    "create.tag-main-rejected",
    "create.tag-invalid",
    "create.tag-regular",
    "create.product-unknown",
    "create.product-bounds",
    "create.body-malformed",
    "create.readonly-ignored",
    "create.duplicate-products",
    "create.unknown-field",
    "get.existing",
    "get.missing",
    "get.variant-hidden",
    "get.id-invalid",
    "update.replaces-products",
    "update.product-unknown",
    "update.product-bounds",
    "update.tag-main-rejected",
    "update.demote-rejected",
    "update.demote-null",
    "update.tag-on-regular",
    "update.tag-invalid",
    "update.id-immutable",
    "update.missing",
    "update.partial",
    "update.variant",
    "update.id-invalid",
    "update.body-malformed",
    "update.empty-body",
    "delete.removes",
    "delete.missing",
    "delete.variant",
    "delete.id-invalid",
    "set-main.promotes",
    "set-main.missing",
    "set-main.variant",
    "set-main.id-invalid",
    "set-main.body-ignored",
];

/// How many offerings a page has whose limit is not given.
const DEFAULT_LIMIT: usize = 20;

/// So many refused writes are compared with one list.
const BATCH: usize = 24;

impl Inputs {
    /// Plays all of them, and puts each failure down to the inputs that can have caused it. Refused writes are followed by
    /// one comparison for each group of the same rule.
    ///
    /// # Errors
    /// [`Halt::World`] when no answer came to a request that a server must answer.
    pub async fn play(&self, stage: &mut Stage, coverage: &mut Constraints) -> Flow {
        stage.record().attribute(&(0..1));
        if let OperationRef::Other(_) = self.operation {
            return self.play_other(stage, coverage).await;
        }
        let operation = &self.id;
        let mut player = Player { stage, coverage, operation, shared: None, refused: None, bare: Vec::new() };
        for (index, input) in self.list.iter().enumerate() {
            let flow = player.play(index, input).await;
            player.note(&(index..=index));
            flow?;
        }
        player.settle().await
    }
}

impl Input {
    /// Whether it sends nothing but GETs and needs nothing set up.
    pub fn only_reads(&self) -> bool {
        let sets_up = match &self.recipe.subject {
            Subject::Shared | Subject::Crowd(_) | Subject::Existing(..) => true,
            Subject::Invalid { remains, .. } => remains.is_some(),
            Subject::None | Subject::Main | Subject::Missing(_) | Subject::Segment(_) => false,
        };
        self.recipe.method == http::Method::GET && !sets_up
    }
}

/// Refused writes whose effect was not looked at yet.
struct Refused {
    rule: &'static str,
    last: Arc<Exchange>,
    inputs: RangeInclusive<usize>,
}

struct Player<'p> {
    stage: &'p mut Stage,
    coverage: &'p mut Constraints,
    operation: &'p str,
    /// The offering that inputs share which are not about one.
    shared: Option<String>,
    refused: Option<Refused>,
    /// Ids that were set up without the run's prefix.
    bare: Vec<String>,
}

/// What an input found in its way.
enum Ready {
    Request(Box<Request>, Option<String>),
    /// What it needs could not be had.
    Not(String),
}

impl Player<'_> {
    /// Puts the failures that nothing was noted of yet down to these inputs.
    fn note(&mut self, inputs: &RangeInclusive<usize>) {
        self.stage.record().attribute(&(*inputs.start()..inputs.end() + 1));
    }

    async fn play(&mut self, index: usize, input: &Input) -> Flow {
        let effects = self.rule_of_effects(input);
        let is_over = |refused: &Refused| refused.rule != effects || index - refused.inputs.start() >= BATCH;
        if self.refused.as_ref().is_some_and(is_over) {
            self.settle().await?;
        }
        let (request, subject) = match self.request(input).await? {
            Ready::Request(request, subject) => (*request, subject),
            Ready::Not(reason) => {
                if let Some(rule) = input.rule {
                    self.stage.leave_out(rule, format!("{}: {reason}", input.what));
                }
                return Ok(());
            }
        };
        let before = subject.as_deref().and_then(|id| self.stage.state().find(id)).cloned();
        let is_write = request.is_write();
        let exchange = match self.stage.send(request).await {
            // What is hostile may make a server hang up; a read that got no answer harms nothing.
            Err(Halt::World(TransportError::Broken { .. })) if !is_write && input.rule.is_none() => return Ok(()),
            sent => sent?,
        };
        self.judge(input, &exchange, before.as_ref());
        self.count(input, &exchange);
        if is_write && exchange.answer.is_refusal() {
            let since = self.refused.as_ref().map_or(index, |refused| *refused.inputs.start());
            let (last, inputs) = (Arc::clone(&exchange), since..=index);
            self.refused = Some(Refused { rule: effects, last, inputs });
        }
        self.tidy(&exchange).await
    }

    /// The rule that an effect of the input breaks if it is refused: its own, unless that is no must rule. An effect of
    /// a refused write is never less.
    fn rule_of_effects(&self, input: &Input) -> &'static str {
        let rules = self.stage.lane().judge.contract().rules();
        let is_must = |rule: &&str| rules.rule(rule).is_some_and(|rule| rule.level == Level::Must);
        input.rule.filter(is_must).unwrap_or("invariant.failed-write-no-effect")
    }

    /// Looks at what the refused writes since the last look left behind.
    async fn settle(&mut self) -> Flow {
        let Some(refused) = self.refused.take() else { return Ok(()) };
        let flow = self.stage.unchanged(refused.rule, &refused.last, "a refused request").await;
        self.note(&refused.inputs);
        flow.map(drop)
    }

    /// An id that nobody has, and that no other input has.
    fn prefix(&self, input: &Input) -> String {
        self.stage.id(&format!("{}x", input.number))
    }

    fn named(&self, input: &Input, name: &Name) -> String {
        name.with_prefix(&self.prefix(input), |id| match &input.kept {
            Some(kept) => kept.schema.is(&kept.validity, &Value::from(id)),
            None => id.chars().count() <= 64 || name.fit == Fit::Length,
        })
    }

    /// Whether somebody has this id already, spelt in any case.
    fn is_taken(&self, id: &str) -> bool {
        let others = &self.stage.before().offerings;
        self.stage.state().find(id).is_some() || others.iter().any(|other| other.id.eq_ignore_ascii_case(id))
    }

    /// The request, after everything it needs was set up.
    async fn request(&mut self, input: &Input) -> Result<Ready, Halt> {
        let recipe = &input.recipe;
        let mut segment = None;
        let subject = match &recipe.subject {
            Subject::None => None,
            Subject::Crowd(count) => {
                self.crowd(*count).await?;
                None
            }
            Subject::Segment(text) => {
                segment = Some(text.clone());
                None
            }
            Subject::Missing(name) => {
                let id = self.named(input, name);
                if self.is_taken(&id) {
                    return Ok(Ready::Not("its id is taken".into()));
                }
                Some(id)
            }
            Subject::Shared => match self.shared().await? {
                Some(id) => Some(id),
                None => return Ok(Ready::Not("the offering that it needs was not created".into())),
            },
            Subject::Main => match self.own_main() {
                Some(id) => Some(id),
                None => return Ok(Ready::Not("the main offering is not the run's own".into())),
            },
            Subject::Existing(name, spelling) => {
                let id = self.named(input, name);
                if self.is_taken(&id) || !self.set_up(&id).await? {
                    return Ok(Ready::Not("the offering that it needs was not created".into()));
                }
                segment = Some(spelling.segment(&id));
                Some(id)
            }
            Subject::Invalid { name, remains } => {
                let id = self.named(input, name);
                if let Some(remains) = remains {
                    let cut: String = id.chars().take(*remains).collect();
                    // When it is not created, there is one fault less that this input can find.
                    let _ = !self.is_taken(&cut) && self.set_up(&cut).await?;
                }
                segment = Some(encode_segment(&id));
                None
            }
        };
        let fresh = self.prefix(input);
        let segment = segment.or_else(|| subject.as_deref().map(|id| Spelling::Plain.segment(id))).unwrap_or_default();
        let mut request = Request::new(input.operation.clone(), recipe.method.clone(), recipe.path.as_str());
        request.path = recipe.path.replace("{offering_id}", &segment);
        for part in &recipe.query {
            let id = encode_segment(subject.as_deref().unwrap_or(&fresh));
            request = request.raw_query(&part.replace(ID, &id));
        }
        for (name, value) in &recipe.headers {
            request = request.header(name, value.replace(ID, &fresh));
        }
        if let Content::Json(value, fit) = &recipe.content
            && let Some(id) = value.get("id").and_then(Value::as_str).filter(|_| fit.is_some())
        {
            let id = match &subject {
                // The one input whose id must be taken.
                Some(taken) if input.operation.endpoint() == Some(Endpoint::Create) => taken.clone(),
                _ => self.new_id(input, value, id, fit.unwrap_or(Fit::Whole)),
            };
            if subject.is_none() && self.is_taken(&id) {
                return Ok(Ready::Not("its id is taken".into()));
            }
            let mut value = value.clone();
            value["id"] = json!(id);
            return Ok(Ready::Request(Box::new(request.json(&value)), subject));
        }
        Ok(Ready::Request(Box::new(with_content(request, recipe, &fresh)), subject))
    }

    /// The id of a new offering. An empty one stands for any.
    fn new_id(&self, input: &Input, body: &Value, id: &str, fit: Fit) -> String {
        let prefix = self.prefix(input);
        if id.is_empty() && fit == Fit::Whole {
            return prefix;
        }
        Name::like(id, fit).with_prefix(&prefix, |id| match &input.kept {
            Some(kept) => {
                let mut body = body.clone();
                body["id"] = json!(id);
                kept.schema.is(&kept.validity, &body)
            }
            None => id.chars().count() <= 64 || fit == Fit::Length,
        })
    }

    /// The offering that inputs share, not main: an offering that is main was made before it where there was none.
    async fn shared(&mut self) -> Result<Option<String>, Halt> {
        if self.shared.is_none() {
            let id = self.stage.id("shared");
            if self.stage.state().find(&id).is_some() || self.set_up(&id).await? {
                self.shared = Some(id);
            }
        }
        Ok(self.shared.clone())
    }

    /// The main, where it may be put at risk: in a project that is thrown away, or made by the run.
    fn own_main(&self) -> Option<String> {
        let main = self.stage.state().main()?;
        let is_own = !self.stage.is_shared() || self.stage.state().is_ours(main);
        is_own.then(|| main.to_owned())
    }

    /// Creates as many offerings as there must be at least.
    async fn crowd(&mut self, count: usize) -> Flow {
        let there = self.stage.list().await?.offerings.len();
        for number in there..count {
            let id = self.stage.id(&format!("crowd{number}"));
            self.set_up(&id).await?;
        }
        Ok(())
    }

    /// Creates an offering that an input needs; says whether it is there now.
    async fn set_up(&mut self, id: &str) -> Result<bool, Halt> {
        if self.stage.state().main().is_none() {
            let main = self.stage.id("main");
            if self.stage.state().find(&main).is_none() {
                self.stage.create(&json!({ "id": main })).await?;
            }
        }
        let made = self.stage.create(&json!({ "id": id })).await?;
        if !id.starts_with(&self.stage.id("")) {
            self.bare.push(id.to_owned());
        }
        Ok(made.answer.status == 201)
    }

    /// Removes what carries no prefix, and would not be found any more when the run cleans up.
    async fn tidy(&mut self, exchange: &Arc<Exchange>) -> Flow {
        let created = exchange.request.operation.endpoint() == Some(Endpoint::Create) && exchange.answer.is_success();
        let answered = exchange.answer.json().and_then(|body| body.get("id")?.as_str()).filter(|_| created);
        let named = exchange.request.path_id().filter(|_| exchange.request.operation.endpoint().is_some());
        let prefix = self.stage.id("");
        let set_up = std::mem::take(&mut self.bare);
        let mut ids: Vec<String> = answered.map(str::to_owned).into_iter().chain(named).chain(set_up).collect();
        ids.dedup();
        for id in ids {
            let is_foreign = self.stage.before().find(&id).is_some();
            let is_there = self.stage.state().find(&id).is_some();
            if id.starts_with(&prefix) || !is_there || is_foreign {
                continue;
            }
            if self.stage.state().main() == Some(&*id) {
                // What deleting the main does is open, so it is another one first.
                let Some(other) = self.shared().await? else { continue };
                self.stage.set_main(&other).await?;
            }
            self.stage.delete(&id).await?;
        }
        Ok(())
    }

    fn count(&mut self, input: &Input, exchange: &Exchange) {
        let Some(shown) = &input.shown else { return };
        let status = exchange.answer.status;
        let by_another_rule = shown.side == Side::Inside
            && matches!(&input.expectation, Expectation::Refuse(statuses, codes)
                if statuses.contains(&status) && exchange.answer.error_code().is_some_and(|code| codes.iter().any(|known| known == code)));
        if exchange.answer.is_success() || by_another_rule {
            self.coverage.count(self.operation, shown, Taken::Accepted);
        } else if exchange.answer.is_refusal() {
            self.coverage.count(self.operation, shown, Taken::Refused);
        }
    }

    fn judge(&mut self, input: &Input, exchange: &Arc<Exchange>, before: Option<&Offering>) {
        let (answer, what) = (&exchange.answer, &input.what);
        let (status, received) = (answer.status, answer.summary());
        let Some(rule) = input.rule else {
            if status < 400 && input.expectation == Expectation::Either {
                self.hold_role(exchange, before);
            }
            return;
        };
        match &input.expectation {
            Expectation::Accept(expected) => {
                let title = if answer.is_refusal() { "was refused" } else { "was not taken as it should be" };
                if status == *expected {
                    self.stage.record().checked(rule);
                    self.hold_content(rule, exchange, before);
                } else {
                    let title = format!("{what} {title}");
                    self.stage.claim(rule, exchange).fails(title, expected.to_string(), received);
                }
            }
            Expectation::Refuse(statuses, codes) => {
                let named = statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
                let documented =
                    if codes.is_empty() { named.clone() } else { format!("{named} {}", codes.join(" or ")) };
                let is_right = if statuses.is_empty() { answer.is_refusal() } else { statuses.contains(&status) };
                let has_code =
                    codes.is_empty() || answer.error_code().is_some_and(|code| codes.iter().any(|known| known == code));
                let subject = input.subject();
                let title = match (answer.is_success(), is_right) {
                    (true, _) => format!("{subject} was accepted"),
                    (false, false) => format!("{subject} was not refused with {named}"),
                    (false, true) => format!("{subject} was refused with another code"),
                };
                let received = if subject == *what { received } else { format!("{received} to {what}") };
                let claim = self.stage.claim(rule, exchange);
                // What was taken or not is plain from the status, however ill-formed the body is.
                if is_right {
                    claim.holds(has_code, title, documented, received)
                } else {
                    claim.fails(title, documented, received)
                };
            }
            Expectation::Choose(accepted, refused) => {
                let choice = if answer.is_success() { "taken" } else { "refused" };
                let is_open =
                    self.stage.lane().judge.contract().rules().rule(rule).is_none_or(|rule| rule.level == Level::Open);
                if is_open {
                    self.stage.observe(rule, format!("{what}: {choice} with {status}"));
                } else {
                    let holds = status == *accepted || refused.contains(&status);
                    let title = format!("{what} is neither taken nor refused");
                    self.stage.claim(rule, exchange).holds(holds, title, format!("{accepted}, or refused"), received);
                    self.hold_not_taken_over(rule, exchange, before);
                }
                self.hold_role(exchange, before);
            }
            Expectation::Either => {}
        }
    }

    /// What was sent is what was answered.
    fn hold_content(&mut self, rule: &'static str, exchange: &Arc<Exchange>, before: Option<&Offering>) {
        let request = &exchange.request;
        let sent = request.json_body();
        let products: Option<Vec<String>> = sent.as_ref().and_then(|body| {
            let listed = body.get("product_ids")?.as_array()?;
            listed.iter().map(|product| product.as_str().map(str::to_owned)).collect()
        });
        match request.operation.endpoint() {
            Some(Endpoint::List) => self.hold_page(rule, exchange),
            Some(Endpoint::Create) => {
                let id = sent.as_ref().and_then(|body| body.get("id")?.as_str()).unwrap_or_default().to_owned();
                self.stage.claim("create.echo", exchange).id(&id).products(&products.unwrap_or_default());
                if rule == "create.tag-regular" && self.stage.state().main().is_some_and(|main| main != id) {
                    self.stage.claim(rule, exchange).is_regular();
                }
            }
            Some(Endpoint::Get) => {
                if let Some(before) = before {
                    self.stage.claim(rule, exchange).id(&before.id).products(&before.products);
                }
            }
            Some(Endpoint::Update) => {
                if let Some(before) = before {
                    let expected = products.unwrap_or_else(|| before.products.clone());
                    self.stage.claim("update.replaces-products", exchange).id(&before.id).products(&expected);
                    self.hold_role(exchange, Some(before));
                }
            }
            Some(Endpoint::SetMain) => {
                if let Some(before) = before {
                    self.stage.claim(rule, exchange).id(&before.id).is_main();
                }
            }
            Some(Endpoint::Delete) | None => {}
        }
    }

    /// A page has no more than its limit, begins behind its cursor, and says so when it knows the cursor not.
    fn hold_page(&mut self, rule: &'static str, exchange: &Arc<Exchange>) {
        let query = exchange.request.path.split_once('?').map_or("", |(_, query)| query);
        let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let items = exchange.answer.json().map_or(&[][..], offerings_in);
        if let Some(limit) = value("limit").and_then(|limit| limit.parse::<usize>().ok()) {
            let received = items.len().to_string();
            let title = "a page has more offerings than its limit";
            self.stage.claim("list.limit-honoured", exchange).holds(
                items.len() <= limit,
                title,
                format!("at most {limit}"),
                received,
            );
        }
        if rule == "list.default-limit" {
            let received = items.len().to_string();
            let title = "a page without a limit is not as long as the default";
            let holds = items.len() == DEFAULT_LIMIT;
            self.stage.claim(rule, exchange).holds(holds, title, DEFAULT_LIMIT.to_string(), received);
        }
        let Some(cursor) = value("starting_after") else { return };
        if rule == "list.unknown-cursor" {
            let title = "an unknown cursor does not say that the list starts again";
            let said = is_restarted(exchange);
            self.stage.claim(rule, exchange).holds(said, title, "X-Qon-Pagination-Restarted: true", "no such header");
        } else {
            let shows_it = items
                .iter()
                .any(|item| item.get("id").and_then(Value::as_str).is_some_and(|id| encode_segment(id) == cursor));
            let title = "a page shows the offering that it starts after";
            self.stage.claim(rule, exchange).holds(!shows_it, title, "what follows", "that offering itself");
        }
    }

    /// Nothing of what only the server sets is as it was sent.
    fn hold_not_taken_over(&mut self, rule: &'static str, exchange: &Arc<Exchange>, before: Option<&Offering>) {
        if !exchange.answer.is_success() {
            return;
        }
        let (sent, got) = (exchange.request.json_body(), exchange.answer.json().cloned());
        let (Some(sent), Some(got)) = (sent, got) else { return };
        for name in ["object", "url", "created_at", "updated_at"] {
            let is_same = sent.get(name).is_some_and(|sent| got.get(name) == Some(sent));
            let title = format!("`{name}` is taken over");
            self.stage.claim(rule, exchange).holds(!is_same, title, "ignored, or 400", format!("{name} {}", got[name]));
        }
        if let Some(before) = before {
            self.stage.claim(rule, exchange).id(&before.id);
        }
    }

    /// An update never changes which offering is main.
    fn hold_role(&mut self, exchange: &Arc<Exchange>, before: Option<&Offering>) {
        let is_update = exchange.request.operation.endpoint() == Some(Endpoint::Update);
        let (Some(before), true) = (before, is_update && exchange.answer.is_success()) else { return };
        let Some(after) = exchange.answer.json().and_then(Offering::read) else { return };
        let title = "an update changes the role of the offering";
        let role = |is_main: bool| if is_main { "main" } else { "regular" };
        let (documented, received) = (role(before.is_main()), role(after.is_main()));
        self.stage.claim("update.partial", exchange).holds(documented == received, title, documented, received);
    }
}

fn with_content(request: Request, recipe: &Recipe, fresh: &str) -> Request {
    match &recipe.content {
        Content::None => request,
        Content::Json(value, _) => request.json(value),
        Content::Text { declared, text, encoding } => {
            let text = text.replace(ID, fresh);
            let bytes: Bytes = if *encoding == Encoding::Utf8 { text.into() } else { encoding.bytes(&text) };
            match declared {
                Some(declared) => request.raw_body(declared, bytes),
                None => Request { body: Some(bytes), ..request },
            }
        }
    }
}
