//! Who makes a request: what its key opens.

use http::StatusCode;

use super::App;
use crate::reference::answer::Refusal;
use crate::reference::call::{Call, Operation};
use crate::reference::fault::Fault;
use crate::reference::store::{Grant, Permission};
use crate::reference::validate::{self, Syntax};

/// What the request's key opens.
pub(super) fn grant(app: &App, call: &Call) -> Result<Grant, Refusal> {
    let found = call.bearer().and_then(|key| app.store.find(key));
    let found = if app.switches.any_fault() { found.or_else(|| stranger(app, call)) } else { found };
    let grant = found.ok_or_else(|| refusal(app, call))?;
    let faulty = |fault| app.switches.faulty(fault);
    let reads = matches!(call.operation, Operation::List | Operation::Get);
    let overlooked = faulty(Fault::LIMITED_KEY_ALLOWED) || (reads && faulty(Fault::LIMITED_KEY_READS));
    match grant.permission {
        Permission::Nothing if !overlooked => {
            let message = "This key has no permission for offerings.";
            Err(Refusal::new(StatusCode::FORBIDDEN, "control_forbidden", message))
        }
        Permission::Full | Permission::Nothing => Ok(grant),
    }
}

/// Whom a faulty server takes somebody without a valid key for.
fn stranger(app: &App, call: &Call) -> Option<Grant> {
    let faulty = |fault| app.switches.faulty(fault);
    let header = call.authorization().unwrap_or_default();
    if header.is_empty() {
        let open = match call.operation {
            Operation::List => Fault::OPEN_LIST,
            Operation::Create => Fault::OPEN_CREATE,
            Operation::Get => Fault::OPEN_GET,
            Operation::Update => Fault::OPEN_UPDATE,
            Operation::Delete => Fault::OPEN_DELETE,
            Operation::SetMain => Fault::OPEN_SET_MAIN,
        };
        return app.last().filter(|_| faulty(open));
    }
    let (scheme, key) = header.split_once(' ').unwrap_or((header, ""));
    if key.is_empty() {
        let empty = scheme.eq_ignore_ascii_case("bearer") && faulty(Fault::KEY_EMPTY_ACCEPTED);
        return if empty { app.last() } else { app.store.find(header).filter(|_| faulty(Fault::KEY_BARE_ACCEPTED)) };
    }
    if faulty(Fault::KEY_SCHEME_IGNORED) {
        return app.store.find(key);
    }
    let key = call.bearer()?;
    if faulty(Fault::KEY_PREFIX_ACCEPTED) && key.len() > 12 {
        return app.store.find_by(|known| known.starts_with(key));
    }
    if faulty(Fault::KEY_SUFFIX_IGNORED) {
        return app.store.find_by(|known| key.starts_with(known));
    }
    if faulty(Fault::KEY_OF_ANY_CASE) {
        return app.store.find_by(|known| known.eq_ignore_ascii_case(key));
    }
    let alike = key.starts_with("sk_") || key.starts_with("test_sk_");
    app.last().filter(|_| alike && faulty(Fault::KEY_UNKNOWN_ACCEPTED))
}

/// How a request without a valid key is refused.
fn refusal(app: &App, call: &Call) -> Refusal {
    let faulty = |fault| app.switches.faulty(fault);
    let right = Refusal::new(StatusCode::UNAUTHORIZED, "control_unauthorized", "A valid secret key is required.");
    if !app.switches.any_fault() {
        return right;
    }
    if let Some(early) = too_early(app, call) {
        return early;
    }
    let header = call.authorization();
    let empty = header.is_some_and(|header| header.trim().eq_ignore_ascii_case("bearer"));
    let status = if header.is_none() && faulty(Fault::KEY_MISSING_403) {
        StatusCode::FORBIDDEN
    } else if (header.is_none() && faulty(Fault::KEY_MISSING_400)) || (empty && faulty(Fault::KEY_EMPTY_400)) {
        StatusCode::BAD_REQUEST
    } else if call.bearer().is_some() && faulty(Fault::KEY_UNKNOWN_403) {
        StatusCode::FORBIDDEN
    } else {
        return right;
    };
    Refusal { status, ..right }
}

/// What a faulty server looks at before the key.
fn too_early(app: &App, call: &Call) -> Option<Refusal> {
    let faulty = |fault| app.switches.faulty(fault);
    let syntax = Syntax { config: &app.config };
    let body = matches!(call.operation, Operation::Create | Operation::Update);
    if body && faulty(Fault::BODY_BEFORE_KEY) {
        let judged = call.json().and_then(|body| match call.operation {
            Operation::Create => syntax.draft(&body).map(drop),
            _ => syntax.change(&body).map(drop),
        });
        return judged.err();
    }
    if call.raw_id().is_empty() {
        return None;
    }
    let id = call.id().ok()?;
    if faulty(Fault::ID_BEFORE_KEY) {
        return validate::offering_id(&id).err();
    }
    let missing = faulty(Fault::MISSING_BEFORE_KEY) && app.last()?.project.lock().position(&id).is_none();
    missing.then(Refusal::not_found)
}
