//! Compares one response with one world.

use super::body::Sent;
use super::call::{Call, Caller, is_special_id};
use super::conditions::{self as row, Force, Rejection, Requirement};
use super::gateway::{is_oversized, may_be_blocked};
use super::reasons::is_ambiguous;
use super::reply::{Page, Reply};
use super::text::{applies, list, same_time, tag};
use super::verdict::{About, CheckResult, Explained, Judgement, ModelDeviation, expect};
use super::world::{Main, World};
use crate::check::Offering;
use crate::contract::Endpoint;

impl World {
    /// The possible next worlds; empty if no correct server returns the response.
    pub fn step(&self, call: &Call, reply: &Reply) -> Vec<Self> {
        match self.judge(call, reply) {
            Judgement::Explained(explained) => explained.next,
            Judgement::Deviation(_) => Vec::new(),
        }
    }

    /// Compares a response with this world.
    pub fn judge(&self, call: &Call, reply: &Reply) -> Judgement {
        let readings = self.readings(&call.id);
        let mut first = None;
        for target in &readings {
            match self.judge_as(call, target.as_deref(), reply) {
                Judgement::Explained(mut explained) => {
                    if readings.len() > 1 && reply.status < 500 && call.is_authorized() {
                        let count = if target.is_some() { "one offering" } else { "two offerings" };
                        explained
                            .choose("create.case-sensitivity", format!("ids that differ only in case name {count}"));
                    }
                    return Judgement::Explained(explained);
                }
                Judgement::Deviation(deviation) => first = first.or(Some(deviation)),
            }
        }
        Judgement::Deviation(first.expect("every id has at least one possible target"))
    }

    fn judge_as(&self, call: &Call, target: Option<&str>, reply: &Reply) -> Judgement {
        if call.is_authorized()
            && let Some(verdict) = self.judge_key(call, target, reply)
        {
            return verdict;
        }
        let reasons = self.reasons(call, target);
        if reply.is_success() {
            self.judge_success(call, target, reply, &reasons)
        } else if reply.is_rejection() {
            self.judge_rejection(call, target, reply, &reasons)
        } else {
            // A 5xx violates a rule of its own. Whether the request had an effect is unknown.
            let mut next = vec![self.after_rejection(call, reply.status)];
            if call.is_write() && reply.status >= 500 && self.may_be_done(call, target) {
                next.push(self.after_success(call, target, None));
            }
            let violated =
                if reply.status >= 500 { self.violated_rules(call, target, reply, &reasons) } else { Vec::new() };
            Judgement::Explained(Explained { violated, ..Explained::silent(next) })
        }
    }

    fn judge_rejection(
        &self,
        call: &Call,
        target: Option<&str>,
        reply: &Reply,
        reasons: &[&'static Rejection],
    ) -> Judgement {
        let next = || vec![self.after_rejection(call, reply.status)];
        let unauthorized = matches!(call.caller, Caller::Missing | Caller::Invalid);
        if let Some(reason) = reasons.iter().find(|reason| reason.explains(reply)).filter(|_| !unauthorized) {
            let mut explained = Explained::silent(next());
            match reason.force {
                Force::Must => explained.rules.extend(self.rules_of(reason, call)),
                // The server must reject the request anyway, so this shows no choice.
                Force::May if reasons.iter().any(|other| other.force == Force::Must) => explained.is_open = true,
                Force::May => {
                    explained.choose(reason.rule(), format!("{}: rejected with {}", reason.subject, reply.status));
                }
                Force::Silent if is_optional(reason) => explained.rules.push(reason.rule()),
                Force::Silent => {}
            }
            if reason.rule() == row::LIMIT_LOW.rule()
                && let Err(deviation) = details(reply)
            {
                explained.deviations.push(*deviation);
            } else if reason.rule() == row::LIMIT_LOW.rule() {
                explained.rules.push(row::LIMIT_DETAILS.rule());
            }
            return Judgement::Explained(explained);
        }
        if unauthorized {
            return Self::judge_unauthorized(reply, reasons, next());
        }
        if reasons.iter().any(is_ambiguous) {
            return Judgement::Explained(Explained::silent(next()));
        }
        if let Some(explained) = self.as_missing(call, reply, reasons) {
            return Judgement::Explained(explained);
        }
        if matches!(reply.status, 413 | 414 | 431) && is_oversized(call) {
            return Judgement::Explained(Explained::silent(next()));
        }
        if reply.status == 403 && reply.code.is_none() && may_be_blocked(call) {
            return Judgement::Explained(Explained { is_known: true, ..Explained::silent(next()) }); // From a firewall.
        }
        if let Some(reason) = reasons.iter().find(|reason| reason.force == Force::May) {
            let mut explained = Explained::silent(next());
            explained.choose(reason.rule(), format!("{}: rejected with {}", reason.subject, reply.status));
            return Judgement::Explained(explained);
        }
        let required = |force| {
            // An id that is only possibly in use need not be rejected.
            let is_required = |reason: &&&'static Rejection| !std::ptr::eq(**reason, &raw const row::CREATE_FOREIGN);
            let mut reasons = reasons.iter().filter(is_required);
            reasons.find(|reason| reason.force == force && !reason.statuses.is_empty())
        };
        let is_again = call.endpoint == Endpoint::Update
            && target
                .is_some_and(|id| self.rows.get(id).and_then(|row| row.updated_by.as_deref()) == Some(&call.body.text))
            && required(Force::Must).is_none()
            && required(Force::Silent).is_none();
        if is_again {
            return Judgement::from(ModelDeviation::rejected(&row::UPDATE_AGAIN_REJECTED, "200", reply));
        }
        if reasons.iter().filter(|reason| reason.force == Force::Must && !reason.statuses.is_empty()).count() > 1 {
            // The reason of the rejection, and so the rule about its status and code, is unknown.
            return Judgement::Explained(Explained { is_known: true, ..Explained::silent(next()) });
        }
        match required(Force::Must)
            .or_else(|| reasons.iter().find(|reason| reason.force == Force::Must))
            .or_else(|| required(Force::Silent).filter(|_| !self.is_recreate_conflict(call, reply)))
        {
            Some(reason) => {
                let mut deviation = ModelDeviation::not_rejected(reason, reply);
                if self.was_deleted(&call.id) && call.endpoint == Endpoint::Delete {
                    deviation.also.push(row::DELETE_AGAIN.rule());
                }
                Judgement::from(deviation)
            }
            None => Judgement::from(self.valid_rejected(call, target, reply)),
        }
    }

    /// Explains a response for a hidden id that is the same as for an id that never existed, where it was reported.
    fn as_missing(&self, call: &Call, reply: &Reply, reasons: &[&'static Rejection]) -> Option<Explained> {
        let is_hidden = self.is_hidden(&call.id);
        let known = self.missing_as.get(&call.endpoint)?;
        let is_same = known.0 == reply.status && known.1 == reply.code;
        let must = reasons.iter().find(|reason| reason.force == Force::Must);
        let violated = must.map_or(Vec::new(), |reason| self.rules_about(reason, call));
        let explained = || Explained {
            is_known: true,
            violated,
            ..Explained::silent(vec![self.after_rejection(call, reply.status)])
        };
        (is_hidden && call.endpoint != Endpoint::Create && is_same).then(explained)
    }

    /// Without a valid key every request must be rejected with 401.
    fn judge_unauthorized(reply: &Reply, reasons: &[&'static Rejection], next: Vec<Self>) -> Judgement {
        let is_invalid_anyway = reasons.iter().skip(1).any(|reason| reason.force == Force::Must);
        if !reply.is_unauthorized() {
            let row = if is_invalid_anyway { &row::AUTH_FIRST } else { reasons[0] };
            // A proxy may reject an ambiguous request before the API checks the key.
            if reasons.iter().any(is_ambiguous) {
                return Judgement::Explained(Explained::silent(next));
            }
            return Judgement::from(ModelDeviation::not_rejected(row, reply));
        }
        let mut explained = Explained { next, rules: vec![reasons[0].rule()], ..Explained::default() };
        if is_invalid_anyway {
            explained.rules.push(row::AUTH_FIRST.rule());
        }
        match reply.code.as_deref() {
            Some(row::UNAUTHORIZED) => explained.rules.push(row::AUTH_CODE.rule()),
            Some(code) => {
                let difference = format!("code {code}");
                let expected = format!("401 {}", row::UNAUTHORIZED);
                let deviation = ModelDeviation::content(&row::AUTH_CODE, "", expected, reply.summary.clone());
                explained.deviations.push(ModelDeviation {
                    difference: difference.into(),
                    about: About::Code,
                    ..deviation
                });
            }
            None => {}
        }
        Judgement::Explained(explained)
    }

    pub(super) fn was_deleted(&self, id: &str) -> bool {
        self.incarnations(id) > 0 && !self.rows.contains_key(id)
    }

    fn judge_success(
        &self,
        call: &Call,
        target: Option<&str>,
        reply: &Reply,
        reasons: &[&'static Rejection],
    ) -> Judgement {
        if let Some(reason) = reasons.iter().find(|reason| reason.force == Force::Must) {
            if let Some(explained) = self.as_missing(call, reply, reasons) {
                return Judgement::Explained(explained);
            }
            return Judgement::from(self.accepted(call, reason, reply));
        }
        if reasons.iter().any(is_ambiguous) {
            return Judgement::Explained(Explained::silent(vec![self.after_success(call, target, reply.offering())]));
        }
        // The body is checked even if the status is wrong.
        let wrong_status = status_deviation(call, reply);
        let judged = match call.endpoint {
            Endpoint::List => self.judge_list(call, reply),
            Endpoint::Create => self.judge_create(call, reply),
            Endpoint::Get => self.judge_get(target, call, reply),
            Endpoint::Update => self.judge_update(call, target, reply),
            Endpoint::Delete => Ok(vec![row::DELETE_STATUS.rule()]),
            Endpoint::SetMain => self.judge_set_main(target, reply),
        };
        match judged {
            Err(mut deviation) => {
                deviation.also.extend(wrong_status.map(|wrong_status| wrong_status.rule));
                Judgement::Deviation(deviation)
            }
            Ok(rules) => {
                let mut explained =
                    Explained { rules, deviations: wrong_status.into_iter().collect(), ..Explained::default() };
                if call.endpoint == Endpoint::Create {
                    explained.warnings.extend(self.first_again(reply));
                }
                for reason in reasons {
                    Self::note_accepted(call, reason, reply, &mut explained);
                }
                let mut next = self.after_success(call, target, reply.offering());
                next.learn(call, reply);
                explained.next = vec![next];
                Judgement::Explained(explained)
            }
        }
    }

    /// Records that the server accepted what it may reject. The list shows what deletion of the main leads to.
    fn note_accepted(call: &Call, reason: &'static Rejection, reply: &Reply, explained: &mut Explained) {
        match reason.force {
            Force::May if std::ptr::eq(reason, &raw const row::DELETE_MAIN) => {}
            Force::May if std::ptr::eq(reason, &raw const row::PRODUCTS_REPEATED) => {
                let is_unchanged =
                    reply.offering().is_none_or(|shown| Some(shown.products.as_slice()) == call.products());
                let what = if is_unchanged { "accepted, all entries returned" } else { "accepted, entries merged" };
                explained.choose(reason.rule(), format!("{}: {what}", reason.subject));
            }
            Force::May => explained.choose(reason.rule(), format!("{}: accepted", reason.subject)),
            Force::Silent if is_optional(reason) => explained.rules.push(reason.rule()),
            Force::Must | Force::Silent => {}
        }
    }

    /// The deviation of an accepted request that must be rejected.
    fn accepted(&self, call: &Call, reason: &'static Rejection, reply: &Reply) -> ModelDeviation {
        let id = call.id.as_str();
        let is_own = self.was_deleted(id) && reply.offering().is_none_or(|shown| self.is_former(shown));
        if self.elsewhere.contains(id) && call.endpoint != Endpoint::Create && !is_own {
            let received = reply.summary.clone();
            return ModelDeviation {
                about: About::Status,
                ..ModelDeviation::content(&row::ISOLATION_ACCEPTED, "accepted", "404 not_found", received)
            };
        }
        if let Some(deviation) = self.decoded(call, reply) {
            return deviation;
        }
        let other = reply.offering().map(|shown| shown.id.as_str()).filter(|shown| *shown != id);
        if call.endpoint == Endpoint::Get && self.was_deleted(id) && other.is_none() {
            return ModelDeviation::not_rejected(&row::GET_DELETED, reply);
        }
        let mut deviation = ModelDeviation::not_rejected(reason, reply);
        if let Some(other) = other {
            deviation.received.push_str(&format!(" with offering `{other}`"));
            if let Some(row) = cut(reason).filter(|_| !other.is_empty() && id.starts_with(other)) {
                (deviation.condition, deviation.title) = (row.id.into(), row.title.into());
            }
        }
        if call.endpoint == Endpoint::Delete && self.was_deleted(id) {
            deviation.also.push(row::DELETE_AGAIN.rule());
        }
        deviation
    }

    /// Whether this is the deleted offering itself, not one of another project with the same id.
    fn is_former(&self, shown: &Offering) -> bool {
        self.incarnations.get(&shown.id).is_some_and(|known| known.former_created_at == shown.created_at)
    }

    /// The deviation of an invalid id that the server decoded to the id of an offering.
    fn decoded(&self, call: &Call, reply: &Reply) -> Option<ModelDeviation> {
        let id = call.after.as_deref().unwrap_or(&call.id);
        if call.endpoint == Endpoint::Create || super::call::is_offering_id(id) {
            return None;
        }
        // The page after an offering starts with the next one.
        let is_after = |page: &Page, twin: &str| {
            let place = self.order().iter().position(|id| *id == twin);
            place.is_some_and(|place| self.order().get(place + 1).copied() == page.ids().next())
        };
        let is_reached = |twin: &str| match (reply.offering(), reply.page()) {
            (Some(shown), _) => shown.id == twin,
            (None, Some(page)) => self.rows.contains_key(twin) && is_after(page, twin),
            (None, None) => self.rows.contains_key(twin),
        };
        let rows = [&row::DECODED_TWICE, &row::DECODED_PLUS];
        let (row, twin) =
            rows.into_iter().zip(call.other_readings()).find(|(_, twin)| twin != id && is_reached(twin))?;
        let deviation = ModelDeviation::content(
            row,
            "accepted",
            format!("no offering with id `{id}`"),
            format!("offering `{twin}`"),
        );
        Some(ModelDeviation { about: About::Status, ..deviation })
    }

    fn judge_create(&self, call: &Call, reply: &Reply) -> CheckResult {
        let mut rules = vec![row::CREATE_STATUS.rule()];
        let Some(shown) = reply.offering() else { return Ok(rules) };
        let sent = call.products().unwrap_or_default();
        if call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) {
            rules.push(row::KEY_SCOPE.rule());
        }
        expect(shown.id == call.id, || {
            ModelDeviation::content(&row::CREATE_ID, "id", format!("id `{}`", call.id), format!("id `{}`", shown.id))
        })?;
        expect(self.facts.may_store(sent, &shown.products), || {
            ModelDeviation::content(&row::CREATE_PRODUCTS, "product_ids", list(sent), list(&shown.products))
        })?;
        if is_special_id(&call.id) {
            rules.push(row::CREATE_ID_REJECTED.rule());
        }
        if call.products().is_some_and(|products| products.len() >= super::reasons::MAX_PRODUCTS) {
            rules.push(row::CREATE_PRODUCTS_REJECTED.rule());
        }
        for (name, value) in &call.body.read_only {
            expect(!applies(shown, name, value), || {
                ModelDeviation::content(
                    &row::CREATE_READ_ONLY,
                    name,
                    format!("{name} ignored, or 400"),
                    format!("{name} {value}"),
                )
            })?;
        }
        self.judge_role_of_new(call, shown, &mut rules)?;
        self.judge_incarnation(call, shown, &mut rules)?;
        if self.elsewhere.contains(&call.id) {
            rules.push(row::ISOLATION_CREATE.rule());
        }
        Ok(rules)
    }

    fn judge_role_of_new(
        &self,
        call: &Call,
        shown: &Offering,
        rules: &mut Vec<&'static str>,
    ) -> Result<(), Box<ModelDeviation>> {
        match self.next_is_main() {
            Some(true) => {
                rules.push(row::CREATE_FIRST.rule());
                let difference = if call.body.tag == Sent::Absent { "no tag" } else { "tag 0 or null" };
                expect(shown.is_main(), || {
                    ModelDeviation::content(&row::CREATE_FIRST, difference, "tag 1", tag(shown.tag))
                })
            }
            Some(false) => {
                rules.push(row::CREATE_ROLE.rule());
                expect(matches!(shown.tag, None | Some(0)), || {
                    ModelDeviation::content(&row::CREATE_ROLE, "tag", "tag 0 or null", tag(shown.tag))
                })
            }
            None => Ok(()),
        }
    }

    /// In an emptied project the first offering should become main.
    fn first_again(&self, reply: &Reply) -> Option<ModelDeviation> {
        let shown = reply.offering().filter(|_| {
            self.rows.is_empty() && self.main == Main::None && !self.is_untouched && !self.promotes_again
        })?;
        let deviation = || ModelDeviation::content(&row::CREATE_FIRST_AGAIN, "tag", "tag 1", tag(shown.tag));
        (!shown.is_main()).then(deviation)
    }

    /// Checks that a recreated offering has a new `created_at`, if the server's clock has advanced.
    fn judge_incarnation(
        &self,
        call: &Call,
        shown: &Offering,
        rules: &mut Vec<&'static str>,
    ) -> Result<(), Box<ModelDeviation>> {
        let Some(former) = self.incarnations.get(&call.id).filter(|known| !known.former_created_at.is_empty()) else {
            return Ok(());
        };
        rules.push(row::CREATE_AGAIN_TIME.rule());
        let is_later = |offering: &Offering| {
            offering.created().is_some_and(|created| {
                chrono::DateTime::parse_from_rfc3339(&former.former_created_at).is_ok_and(|former| created > former)
            })
        };
        let has_moved = self.offerings().any(is_later);
        expect(!has_moved || shown.created_at.is_empty() || shown.created_at != former.former_created_at, || {
            let expected = format!("created_at after {}", former.former_created_at);
            ModelDeviation::content(
                &row::CREATE_AGAIN_TIME,
                "created_at",
                expected,
                format!("created_at {}", shown.created_at),
            )
        })
    }

    fn judge_get(&self, target: Option<&str>, call: &Call, reply: &Reply) -> CheckResult {
        let (Some(shown), Some(id)) = (reply.offering(), target) else { return Ok(Vec::new()) };
        expect(shown.id == id, || {
            ModelDeviation::content(&row::GET_OTHER, "id", format!("id `{id}`"), format!("id `{}`", shown.id))
        })?;
        if let Some((difference, expected, received)) = self.difference(id, shown) {
            // If only a list showed it before, that list may be wrong.
            let requirement = if difference == "created_at" {
                &row::CREATED_AT
            } else if self.rows.get(id).is_some_and(|row| row.is_only_listed) {
                &row::LIST_DISAGREES
            } else {
                &row::GET_DIFFERS
            };
            let difference = if difference == "created_at" { "" } else { "contents" };
            return Err(Box::new(ModelDeviation::content(requirement, difference, expected, received).stored()));
        }
        let mut rules = vec![row::GET_STATUS.rule(), row::LIST_DISAGREES.rule()];
        if is_special_id(&call.id) {
            rules.push(row::GET_ID_REJECTED.rule());
        }
        Ok(rules)
    }

    fn judge_update(&self, call: &Call, target: Option<&str>, reply: &Reply) -> CheckResult {
        let sent = call.products();
        let mut rules = vec![row::UPDATE_KEPT.rule()];
        rules.extend(sent.map(|_| row::UPDATE_PRODUCTS.rule()));
        let (Some(shown), Some(known)) = (reply.offering(), target.and_then(|id| self.rows.get(id))) else {
            return Ok(rules);
        };
        let is_again = known.updated_by.as_deref() == Some(call.body.text.as_str());
        expect(shown.id == known.offering.id, || {
            let expected = format!("id `{}`", known.offering.id);
            ModelDeviation::content(&row::UPDATE_OTHER, "id", expected, format!("id `{}`", shown.id))
        })?;
        let expected = sent.unwrap_or(&known.offering.products);
        expect(self.facts.may_store(expected, &shown.products), || {
            let row = match sent {
                _ if is_again => &row::UPDATE_AGAIN,
                Some(_) => &row::UPDATE_PRODUCTS,
                None => &row::UPDATE_KEPT,
            };
            ModelDeviation::content(row, "product_ids", list(expected), list(&shown.products))
        })?;
        if let Some(is_main) = self.is_main(&known.offering.id) {
            expect(shown.is_main() == is_main, || {
                ModelDeviation::content(&row::UPDATE_ROLE, "tag", tag(known.offering.tag), tag(shown.tag))
            })?;
        }
        expect(same_time(&shown.created_at, &known.offering.created_at), || {
            created_at_changed(&known.offering, shown)
        })?;
        if is_again {
            rules.push(row::UPDATE_AGAIN.rule());
        }
        if sent.is_some_and(|products| products.len() >= super::reasons::MAX_PRODUCTS) {
            rules.push(row::UPDATE_PRODUCTS_REJECTED.rule());
        }
        Ok(rules)
    }

    fn judge_set_main(&self, target: Option<&str>, reply: &Reply) -> CheckResult {
        let again = target.is_some_and(|id| self.is_main(id) == Some(true));
        let mut rules = vec![if again { row::SET_MAIN_AGAIN_REJECTED.rule() } else { row::SET_MAIN_STATUS.rule() }];
        let (Some(shown), Some(known)) = (reply.offering(), target.and_then(|id| self.rows.get(id))) else {
            return Ok(rules);
        };
        let (known, is_only_listed) = (&known.offering, known.is_only_listed);
        expect(shown.id == known.id, || {
            ModelDeviation::content(
                &row::SET_MAIN_OTHER,
                "id",
                format!("id `{}`", known.id),
                format!("id `{}`", shown.id),
            )
        })?;
        expect(shown.is_main(), || ModelDeviation::content(&row::SET_MAIN_TAG, "tag", "tag 1", tag(shown.tag)))?;
        expect(shown.products == known.products || is_only_listed, || {
            ModelDeviation::content(
                &row::SET_MAIN_PRODUCTS,
                "product_ids",
                list(&known.products),
                list(&shown.products),
            )
        })?;
        expect(same_time(&shown.created_at, &known.created_at), || created_at_changed(known, shown))?;
        rules.push(row::SET_MAIN_PRODUCTS.rule());
        Ok(rules)
    }
}

impl Rejection {
    fn explains(&self, reply: &Reply) -> bool {
        let has_code = self.codes.is_empty() || reply.code.as_deref().is_none_or(|code| self.codes.contains(&code));
        (self.statuses.is_empty() || self.statuses.contains(&reply.status)) && has_code
    }
}

/// The requirement about a request with an invalid id that reaches the offering with the beginning of that id.
fn cut(reason: &'static Rejection) -> Option<&'static Requirement> {
    let rows = [
        (&row::GET_ID, &row::GET_ID_CUT),
        (&row::UPDATE_ID, &row::UPDATE_ID_CUT),
        (&row::SET_MAIN_ID, &row::SET_MAIN_ID_CUT),
    ];
    rows.into_iter().find(|(invalid, _)| std::ptr::eq(*invalid, reason)).map(|(_, cut)| cut)
}

/// Whether its rule passes both if the server rejects the request and if it ignores the property.
fn is_optional(reason: &'static Rejection) -> bool {
    std::ptr::eq(reason, &raw const row::READ_ONLY) || std::ptr::eq(reason, &raw const row::UPDATE_WITH_ID)
}

/// The deviation of a success with an unexpected status.
fn status_deviation(call: &Call, reply: &Reply) -> Option<ModelDeviation> {
    let (row, expected) = match call.endpoint {
        Endpoint::List => (&row::LIST_STATUS, "200"),
        Endpoint::Create if call.key.is_some() && reply.status == 200 => return None,
        Endpoint::Create => (&row::CREATE_STATUS, "201"),
        Endpoint::Get => (&row::GET_STATUS, "200"),
        Endpoint::Update => (&row::UPDATE_STATUS, "200"),
        Endpoint::Delete => (&row::DELETE_STATUS, "204"),
        Endpoint::SetMain => (&row::SET_MAIN_STATUS, "200"),
    };
    (reply.status.to_string() != expected).then(|| ModelDeviation::status(row, expected, reply))
}

fn created_at_changed(known: &Offering, shown: &Offering) -> ModelDeviation {
    let text = |offering: &Offering| format!("created_at {}", offering.created_at);
    ModelDeviation::content(&row::CREATED_AT, "", text(known), text(shown))
}

fn details(reply: &Reply) -> Result<(), Box<ModelDeviation>> {
    expect(reply.fields.iter().any(|field| field == "limit"), || {
        let received = if reply.fields.is_empty() { "details without a field".into() } else { reply.fields.join(", ") };
        ModelDeviation::content(&row::LIMIT_DETAILS, "field", "details that name the field limit", received)
    })
}
