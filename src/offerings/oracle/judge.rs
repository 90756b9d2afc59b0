//! One response compared with one world.

use super::body::Sent;
use super::call::{Call, Caller, is_special_id};
use super::conditions::{self as row, Force, Promise, Rejection};
use super::front::{is_hostile, is_oversized};
use super::reasons::is_ambiguous;
use super::reply::{Page, Reply};
use super::text::{list, tag};
use super::verdict::{About, Explained, Held, Judgement, Wrong, expect};
use super::world::{Main, World, is_merged};
use crate::check::Offering;
use crate::contract::Endpoint;

impl World {
    /// The worlds that may follow a response; empty when no correct server returns it.
    pub fn step(&self, call: &Call, reply: &Reply) -> Vec<Self> {
        match self.judge(call, reply) {
            Judgement::Explained(kept) => kept.next,
            Judgement::Wrong(_) => Vec::new(),
        }
    }

    /// Compares a response with this world.
    pub fn judge(&self, call: &Call, reply: &Reply) -> Judgement {
        let readings = self.readings(&call.id);
        let mut first = None;
        for target in &readings {
            match self.judge_as(call, target.as_deref(), reply) {
                Judgement::Explained(mut kept) => {
                    if readings.len() > 1 && reply.status < 500 && call.is_authorized() {
                        let count = if target.is_some() { "one" } else { "two" };
                        kept.choose("create.case-sensitivity", format!("ids that differ only in case are {count}"));
                    }
                    return Judgement::Explained(kept);
                }
                Judgement::Wrong(wrong) => first = first.or(Some(wrong)),
            }
        }
        Judgement::Wrong(first.expect("every id has a reading"))
    }

    fn judge_as(&self, call: &Call, target: Option<&str>, reply: &Reply) -> Judgement {
        if call.is_authorized()
            && let Some(verdict) = self.judge_key(call, reply)
        {
            return verdict;
        }
        let reasons = self.reasons(call, target);
        if reply.is_success() {
            self.judge_success(call, target, reply, &reasons)
        } else if reply.is_rejection() {
            self.judge_rejection(call, target, reply, &reasons)
        } else {
            // A 5xx is a failure of a rule of its own; whether the request was carried out is not known.
            let mut next = vec![self.rejected(call, reply.status)];
            if call.is_write() && reply.status >= 500 && self.may_be_done(call, target) {
                next.push(self.done(call, target, None));
            }
            let violated = if reply.status >= 500 { self.owed(call, target, reply, &reasons) } else { Vec::new() };
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
        let next = || vec![self.rejected(call, reply.status)];
        let unauthorized = matches!(call.caller, Caller::Missing | Caller::Invalid);
        if let Some(reason) = reasons.iter().find(|reason| reason.explains(reply)).filter(|_| !unauthorized) {
            let mut kept = Explained::silent(next());
            match reason.force {
                Force::Must => kept.rules.extend(self.rules_of(reason, call)),
                Force::May => kept.choose(reason.rule(), format!("{}: rejected with {}", reason.subject, reply.status)),
                Force::Silent => {}
            }
            if reason.rule() == row::LIMIT_LOW.rule()
                && let Err(wrong) = details(reply)
            {
                kept.deviations.push(*wrong);
            } else if reason.rule() == row::LIMIT_LOW.rule() {
                kept.rules.push(row::LIMIT_DETAILS.rule());
            }
            return Judgement::Explained(kept);
        }
        if unauthorized {
            return Self::judge_unauthorized(reply, reasons, next());
        }
        if reasons.iter().any(is_ambiguous) {
            return Judgement::Explained(Explained::silent(next()));
        }
        if let Some(kept) = self.as_missing(call, reply, reasons) {
            return Judgement::Explained(kept);
        }
        if matches!(reply.status, 413 | 414 | 431) && is_oversized(call) {
            return Judgement::Explained(Explained::silent(next()));
        }
        if reply.status == 403 && reply.code.is_none() && is_hostile(call) {
            return Judgement::Explained(Explained { is_known: true, ..Explained::silent(next()) }); // A firewall's.
        }
        if let Some(reason) = reasons.iter().find(|reason| reason.force == Force::May) {
            let mut kept = Explained::silent(next());
            kept.choose(reason.rule(), format!("{}: rejected with {}", reason.subject, reply.status));
            return Judgement::Explained(kept);
        }
        let owed = |force| {
            // An id that something hidden may have need not be rejected.
            let is_owed = |reason: &&&'static Rejection| !std::ptr::eq(**reason, &raw const row::CREATE_FOREIGN);
            let mut reasons = reasons.iter().filter(is_owed);
            reasons.find(|reason| reason.force == force && !reason.statuses.is_empty())
        };
        let is_again = call.endpoint == Endpoint::Update
            && target
                .is_some_and(|id| self.rows.get(id).and_then(|row| row.updated_by.as_deref()) == Some(&call.body.text))
            && owed(Force::Must).is_none()
            && owed(Force::Silent).is_none();
        if is_again {
            return Judgement::from(Wrong::rejected(&row::UPDATE_AGAIN_REJECTED, "200", reply));
        }
        if reasons.iter().filter(|reason| reason.force == Force::Must && !reason.statuses.is_empty()).count() > 1 {
            // For which of them it was rejected, and so which rule words it otherwise, is not known.
            return Judgement::Explained(Explained { is_known: true, ..Explained::silent(next()) });
        }
        match owed(Force::Must)
            .or_else(|| reasons.iter().find(|reason| reason.force == Force::Must))
            .or_else(|| owed(Force::Silent).filter(|_| !self.is_taken_again(call, reply)))
        {
            Some(reason) => {
                let mut wrong = Wrong::not_rejected(reason, reply);
                if self.was_deleted(&call.id) && call.endpoint == Endpoint::Delete {
                    wrong.also.push(row::DELETE_AGAIN.rule());
                }
                Judgement::from(wrong)
            }
            None => Judgement::from(self.valid_rejected(call, target, reply)),
        }
    }

    /// The response of a request for something hidden that is the same as for what never existed: what is wrong with it
    /// was found there.
    fn as_missing(&self, call: &Call, reply: &Reply, reasons: &[&'static Rejection]) -> Option<Explained> {
        let is_hidden = self.is_hidden(&call.id);
        let known = self.missing_as.get(&call.endpoint)?;
        let is_same = known.0 == reply.status && known.1 == reply.code;
        let must = reasons.iter().find(|reason| reason.force == Force::Must);
        let violated = must.map_or(Vec::new(), |reason| self.rules_about(reason, call));
        let kept =
            || Explained { is_known: true, violated, ..Explained::silent(vec![self.rejected(call, reply.status)]) };
        (is_hidden && call.endpoint != Endpoint::Create && is_same).then(kept)
    }

    /// Without a valid key: 401, whatever else is wrong.
    fn judge_unauthorized(reply: &Reply, reasons: &[&'static Rejection], next: Vec<Self>) -> Judgement {
        let is_doomed = reasons.iter().skip(1).any(|reason| reason.force == Force::Must);
        if !reply.is_unauthorized() {
            let row = if is_doomed { &row::AUTH_FIRST } else { reasons[0] };
            // What looks invalid may be turned away before the key is looked at, by what stands in front.
            if reasons.iter().any(is_ambiguous) {
                return Judgement::Explained(Explained::silent(next));
            }
            return Judgement::from(Wrong::not_rejected(row, reply));
        }
        let mut kept = Explained { next, rules: vec![reasons[0].rule()], ..Explained::default() };
        if is_doomed {
            kept.rules.push(row::AUTH_FIRST.rule());
        }
        match reply.code.as_deref() {
            Some(row::UNAUTHORIZED) => kept.rules.push(row::AUTH_CODE.rule()),
            Some(code) => {
                let difference = format!("code {code}");
                let expected = format!("401 {}", row::UNAUTHORIZED);
                let wrong = Wrong::content(&row::AUTH_CODE, "", expected, reply.summary.clone());
                kept.deviations.push(Wrong { difference: difference.into(), about: About::Code, ..wrong });
            }
            None => {}
        }
        Judgement::Explained(kept)
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
            if let Some(kept) = self.as_missing(call, reply, reasons) {
                return Judgement::Explained(kept);
            }
            return Judgement::from(self.accepted(call, reason, reply));
        }
        if reasons.iter().any(is_ambiguous) {
            return Judgement::Explained(Explained::silent(vec![self.done(call, target, reply.offering())]));
        }
        // What a response shows is judged whatever its status says.
        let deviation = status_deviation(call, reply);
        let judged = match call.endpoint {
            Endpoint::List => self.judge_list(call, reply),
            Endpoint::Create => self.judge_create(call, reply),
            Endpoint::Get => self.judge_get(target, call, reply),
            Endpoint::Update => self.judge_update(call, target, reply),
            Endpoint::Delete => Ok(vec![row::DELETE_STATUS.rule()]),
            Endpoint::SetMain => self.judge_set_main(target, reply),
        };
        match judged {
            Err(mut wrong) => {
                wrong.also.extend(deviation.map(|deviation| deviation.rule));
                Judgement::Wrong(wrong)
            }
            Ok(rules) => {
                let mut kept = Explained { rules, deviations: deviation.into_iter().collect(), ..Explained::default() };
                if call.endpoint == Endpoint::Create {
                    kept.warnings.extend(self.first_again(reply));
                }
                for reason in reasons {
                    Self::note_accepted(call, reason, reply, &mut kept);
                }
                let mut next = self.done(call, target, reply.offering());
                next.learn(call, reply);
                kept.next = vec![next];
                Judgement::Explained(kept)
            }
        }
    }

    /// The choice of a server that does not reject where it may. What the deletion of the main leads to the list shows.
    fn note_accepted(call: &Call, reason: &'static Rejection, reply: &Reply, kept: &mut Explained) {
        match reason.force {
            Force::May if std::ptr::eq(reason, &raw const row::DELETE_MAIN) => {}
            Force::May if std::ptr::eq(reason, &raw const row::PRODUCTS_REPEATED) => {
                let stays = reply.offering().is_none_or(|shown| Some(shown.products.as_slice()) == call.products());
                let what = if stays { "kept" } else { "merged" };
                kept.choose(reason.rule(), format!("{}: {what}", reason.subject));
            }
            Force::May => kept.choose(reason.rule(), format!("{}: accepted", reason.subject)),
            Force::Silent if std::ptr::eq(reason, &raw const row::READ_ONLY) => kept.rules.push(reason.rule()),
            Force::Silent if std::ptr::eq(reason, &raw const row::UPDATE_WITH_ID) => kept.rules.push(reason.rule()),
            Force::Must | Force::Silent => {}
        }
    }

    /// A request that had to be rejected and was not.
    fn accepted(&self, call: &Call, reason: &'static Rejection, reply: &Reply) -> Wrong {
        let id = call.id.as_str();
        let is_own = self.was_deleted(id) && reply.offering().is_none_or(|shown| self.is_former(shown));
        if self.elsewhere.contains(id) && call.endpoint != Endpoint::Create && !is_own {
            let received = reply.summary.clone();
            return Wrong {
                about: About::Status,
                ..Wrong::content(&row::ISOLATION_ACCEPTED, "accepted", "404 not_found", received)
            };
        }
        if let Some(wrong) = self.decoded(call, reply) {
            return wrong;
        }
        let is_of_another = reply.offering().is_some_and(|shown| shown.id != id);
        if call.endpoint == Endpoint::Get && self.was_deleted(id) && !is_of_another {
            return Wrong::not_rejected(&row::GET_DELETED, reply);
        }
        let mut wrong = Wrong::not_rejected(reason, reply);
        if call.endpoint == Endpoint::Delete && self.was_deleted(id) {
            wrong.also.push(row::DELETE_AGAIN.rule());
        }
        wrong
    }

    /// Whether this is an offering as it was before it was deleted, and not one of another project with the same id.
    fn is_former(&self, shown: &Offering) -> bool {
        self.incarnations.get(&shown.id).is_some_and(|known| known.former_created_at == shown.created_at)
    }

    /// An id that reached an offering by another reading of its characters.
    fn decoded(&self, call: &Call, reply: &Reply) -> Option<Wrong> {
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
        let wrong = Wrong::content(row, "accepted", format!("no offering for `{id}`"), format!("`{twin}`"));
        Some(Wrong { about: About::Status, ..wrong })
    }

    /// A rejection for which there is no reason: the rule names what is special about the request.
    pub(super) fn valid_rejected(&self, call: &Call, target: Option<&str>, reply: &Reply) -> Wrong {
        let is_special = is_special_id(&call.id) && reply.status != 404;
        let (row, status) = match call.endpoint {
            Endpoint::List => return self.list_rejected(call, reply),
            Endpoint::Create => (self.create_rejected(call, reply), "201"),
            Endpoint::Get if is_special => (&row::GET_ID_REJECTED, "200"),
            Endpoint::Get => (&row::GET_REJECTED, "200"),
            Endpoint::Update => (self.update_rejected(call, target, is_special), "200"),
            Endpoint::Delete if is_special => (&row::DELETE_ID_REJECTED, "204"),
            Endpoint::Delete => (&row::DELETE_REJECTED, "204"),
            Endpoint::SetMain if self.is_main(&call.id) == Some(true) => (&row::SET_MAIN_AGAIN_REJECTED, "200"),
            Endpoint::SetMain if is_special => (&row::SET_MAIN_ID_REJECTED, "200"),
            Endpoint::SetMain => (&row::SET_MAIN_REJECTED, "200"),
        };
        Wrong::rejected(row, status, reply)
    }

    /// Whether a create is rejected because its id was deleted before, whatever else may be a reason.
    fn is_taken_again(&self, call: &Call, reply: &Reply) -> bool {
        call.endpoint == Endpoint::Create && reply.is_conflict() && self.incarnations(&call.id) > 0
    }

    fn create_rejected(&self, call: &Call, reply: &Reply) -> &'static Promise {
        let names = |field: &str| reply.fields.iter().any(|named| named == field);
        let is_special = is_special_id(&call.id);
        let has_products = call.products().is_some_and(|products| !products.is_empty());
        if self.is_taken_again(call, reply) {
            if self.incarnations(&call.id) > 1 { &row::CREATE_THIRD_REJECTED } else { &row::CREATE_AGAIN_REJECTED }
        } else if names("tag") || call.body.tag != Sent::Absent && !names("id") && !names("product_ids") {
            &row::CREATE_TAG_REJECTED
        } else if self.elsewhere.contains(&call.id) {
            &row::ISOLATION_CREATE
        } else if call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) {
            &row::KEY_SCOPE
        } else if names("id") || is_special && !names("product_ids") {
            &row::CREATE_ID_REJECTED
        } else if has_products && (names("product_ids") || has_special_products(call)) {
            &row::CREATE_PRODUCTS_REJECTED
        } else if self.incarnations(&call.id) > 1 {
            &row::CREATE_THIRD_REJECTED
        } else if self.incarnations(&call.id) == 1 {
            &row::CREATE_AGAIN_REJECTED
        } else {
            &row::CREATE_REJECTED
        }
    }

    fn update_rejected(&self, call: &Call, target: Option<&str>, is_special: bool) -> &'static Promise {
        let again = target.and_then(|id| self.rows.get(id)?.updated_by.as_deref());
        if again == Some(call.body.text.as_str()) {
            &row::UPDATE_AGAIN_REJECTED
        } else if has_special_products(call) {
            &row::UPDATE_PRODUCTS_REJECTED
        } else if is_special {
            &row::UPDATE_ID_REJECTED
        } else if call.body.products == Sent::Absent {
            &row::UPDATE_PARTIAL_REJECTED
        } else {
            &row::UPDATE_REJECTED
        }
    }

    fn judge_create(&self, call: &Call, reply: &Reply) -> Held {
        let mut rules = vec![row::CREATE_STATUS.rule()];
        let Some(shown) = reply.offering() else { return Ok(rules) };
        let sent = call.products().unwrap_or_default();
        if call.key.as_ref().is_some_and(|key| self.keys_elsewhere.contains(key)) {
            rules.push(row::KEY_SCOPE.rule());
        }
        expect(shown.id == call.id, || {
            Wrong::content(&row::CREATE_ID, "id", format!("id `{}`", call.id), format!("id `{}`", shown.id))
        })?;
        expect(shown.products == sent || is_merged(sent, &shown.products), || {
            Wrong::content(&row::CREATE_PRODUCTS, "product_ids", list(sent), list(&shown.products))
        })?;
        if is_special_id(&call.id) {
            rules.push(row::CREATE_ID_REJECTED.rule());
        }
        if call.products().is_some_and(|products| products.len() >= super::reasons::MAX_PRODUCTS) {
            rules.push(row::CREATE_PRODUCTS_REJECTED.rule());
        }
        for (name, value) in &call.body.read_only {
            expect(!applies(shown, name, value), || {
                Wrong::content(&row::CREATE_READ_ONLY, name, "ignored, or 400", format!("{name} {value}"))
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
    ) -> Result<(), Box<Wrong>> {
        match self.next_is_main() {
            Some(true) => {
                rules.push(row::CREATE_FIRST.rule());
                let difference = if call.body.tag == Sent::Absent { "no tag" } else { "tag 0 or null" };
                expect(shown.is_main(), || Wrong::content(&row::CREATE_FIRST, difference, "tag 1", tag(shown.tag)))
            }
            Some(false) => {
                rules.push(row::CREATE_ROLE.rule());
                expect(matches!(shown.tag, None | Some(0)), || {
                    Wrong::content(&row::CREATE_ROLE, "tag", "tag 0 or null", tag(shown.tag))
                })
            }
            None => Ok(()),
        }
    }

    /// In a project that was emptied again the first offering should become main.
    fn first_again(&self, reply: &Reply) -> Option<Wrong> {
        let shown = reply.offering().filter(|_| {
            self.rows.is_empty() && self.main == Main::None && !self.is_untouched && !self.promotes_again
        })?;
        let wrong = || Wrong::content(&row::CREATE_FIRST_AGAIN, "tag", "tag 1", tag(shown.tag));
        (!shown.is_main()).then(wrong)
    }

    /// A recreated offering is a new one: it has a new `created_at`, where the server's clock has moved on.
    fn judge_incarnation(
        &self,
        call: &Call,
        shown: &Offering,
        rules: &mut Vec<&'static str>,
    ) -> Result<(), Box<Wrong>> {
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
            Wrong::content(&row::CREATE_AGAIN_TIME, "created_at", expected, format!("created_at {}", shown.created_at))
        })
    }

    fn judge_get(&self, target: Option<&str>, call: &Call, reply: &Reply) -> Held {
        let (Some(shown), Some(id)) = (reply.offering(), target) else { return Ok(Vec::new()) };
        expect(shown.id == id, || {
            Wrong::content(&row::GET_OTHER, "id", format!("id `{id}`"), format!("id `{}`", shown.id))
        })?;
        if let Some((difference, expected, received)) = self.difference(id, shown) {
            // Where only a list showed it before, that list may be wrong.
            let promise = if difference == "created_at" {
                &row::CREATED_AT
            } else if self.rows.get(id).is_some_and(|row| row.is_only_listed) {
                &row::LIST_DISAGREES
            } else {
                &row::GET_DIFFERS
            };
            let difference = if difference == "created_at" { "" } else { "contents" };
            return Err(Box::new(Wrong::content(promise, difference, expected, received).stored()));
        }
        let mut rules = vec![row::GET_STATUS.rule(), row::LIST_DISAGREES.rule()];
        if is_special_id(&call.id) {
            rules.push(row::GET_ID_REJECTED.rule());
        }
        Ok(rules)
    }

    fn judge_update(&self, call: &Call, target: Option<&str>, reply: &Reply) -> Held {
        let sent = call.products();
        let mut rules = vec![row::UPDATE_KEPT.rule()];
        rules.extend(sent.map(|_| row::UPDATE_PRODUCTS.rule()));
        let (Some(shown), Some(known)) = (reply.offering(), target.and_then(|id| self.rows.get(id))) else {
            return Ok(rules);
        };
        let is_again = known.updated_by.as_deref() == Some(call.body.text.as_str());
        expect(shown.id == known.offering.id, || {
            let expected = format!("id `{}`", known.offering.id);
            Wrong::content(&row::UPDATE_OTHER, "id", expected, format!("id `{}`", shown.id))
        })?;
        let expected = sent.unwrap_or(&known.offering.products);
        expect(shown.products == expected || is_merged(expected, &shown.products), || {
            let row = match sent {
                _ if is_again => &row::UPDATE_AGAIN,
                Some(_) => &row::UPDATE_PRODUCTS,
                None => &row::UPDATE_KEPT,
            };
            Wrong::content(row, "product_ids", list(expected), list(&shown.products))
        })?;
        if let Some(is_main) = self.is_main(&known.offering.id) {
            expect(shown.is_main() == is_main, || {
                Wrong::content(&row::UPDATE_ROLE, "tag", tag(known.offering.tag), tag(shown.tag))
            })?;
        }
        expect(same_time(&shown.created_at, &known.offering.created_at), || {
            let (expected, received) = (known.offering.created_at.clone(), shown.created_at.clone());
            Wrong::content(&row::CREATED_AT, "", expected, received)
        })?;
        if is_again {
            rules.push(row::UPDATE_AGAIN.rule());
        }
        if sent.is_some_and(|products| products.len() >= super::reasons::MAX_PRODUCTS) {
            rules.push(row::UPDATE_PRODUCTS_REJECTED.rule());
        }
        Ok(rules)
    }

    fn judge_set_main(&self, target: Option<&str>, reply: &Reply) -> Held {
        let again = target.is_some_and(|id| self.is_main(id) == Some(true));
        let mut rules = vec![if again { row::SET_MAIN_AGAIN_REJECTED.rule() } else { row::SET_MAIN_STATUS.rule() }];
        let (Some(shown), Some(known)) = (reply.offering(), target.and_then(|id| self.rows.get(id))) else {
            return Ok(rules);
        };
        let (known, is_only_listed) = (&known.offering, known.is_only_listed);
        expect(shown.id == known.id, || {
            Wrong::content(&row::SET_MAIN_OTHER, "id", format!("id `{}`", known.id), format!("id `{}`", shown.id))
        })?;
        expect(shown.is_main(), || Wrong::content(&row::SET_MAIN_TAG, "tag", "tag 1", tag(shown.tag)))?;
        expect(shown.products == known.products || is_only_listed, || {
            Wrong::content(&row::SET_MAIN_PRODUCTS, "product_ids", list(&known.products), list(&shown.products))
        })?;
        expect(same_time(&shown.created_at, &known.created_at), || {
            let (expected, received) = (known.created_at.clone(), shown.created_at.clone());
            Wrong::content(&row::CREATED_AT, "", expected, received)
        })?;
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

/// A success with another status than the operation's.
fn status_deviation(call: &Call, reply: &Reply) -> Option<Wrong> {
    let (row, expected) = match call.endpoint {
        Endpoint::List => (&row::LIST_STATUS, "200"),
        Endpoint::Create if call.key.is_some() && reply.status == 200 => return None,
        Endpoint::Create => (&row::CREATE_STATUS, "201"),
        Endpoint::Get => (&row::GET_STATUS, "200"),
        Endpoint::Update => (&row::UPDATE_STATUS, "200"),
        Endpoint::Delete => (&row::DELETE_STATUS, "204"),
        Endpoint::SetMain => (&row::SET_MAIN_STATUS, "200"),
    };
    (reply.status.to_string() != expected).then(|| Wrong::status(row, expected, reply))
}

fn details(reply: &Reply) -> Result<(), Box<Wrong>> {
    expect(reply.fields.iter().any(|field| field == "limit"), || {
        let received = if reply.fields.is_empty() { "no field".into() } else { reply.fields.join(", ") };
        Wrong::content(&row::LIMIT_DETAILS, "field", "details with the field limit", received)
    })
}

/// Whether a list of products is one that servers may stumble over.
fn has_special_products(call: &Call) -> bool {
    let products = call.products().unwrap_or_default();
    products.len() > 50 || products.iter().any(|id| is_special_id(id))
}

/// Whether two times, as written, are the same moment; what cannot be read is the same as anything.
pub(super) fn same_time(one: &str, other: &str) -> bool {
    let read = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    one == other || read(one).is_none() || read(other).is_none() || read(one) == read(other)
}

/// Whether an offering shows the value of a read-only property that was sent, as JSON text.
fn applies(shown: &Offering, name: &str, sent: &str) -> bool {
    let Ok(serde_json::Value::String(sent)) = serde_json::from_str(sent) else { return false };
    match name {
        "url" => shown.url == sent,
        "created_at" => !shown.created_at.is_empty() && same_time(&shown.created_at, &sent) && is_time(&sent),
        "updated_at" => !shown.updated_at.is_empty() && same_time(&shown.updated_at, &sent) && is_time(&sent),
        _ => false,
    }
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}
