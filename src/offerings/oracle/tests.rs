//! Tests of the oracle alone: which responses it allows, and which worlds follow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

use super::*;
use crate::check::Offering;
use crate::contract::Endpoint;
use crate::exchange::{Exchange, Request, Response};
use crate::project::Snapshot;

fn offering(id: &str, tag: impl Into<Option<i64>>, products: &[&str]) -> Value {
    json!({
        "object": "offering", "id": id, "url": format!("/v4/offerings/{id}"), "tag": tag.into(),
        "product_ids": products,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    })
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::read(&Response::new(status, HeaderMap::new(), Bytes::from(body.to_string())))
}

fn rejection(status: u16, code: &str) -> Reply {
    reply(status, &json!({ "error": { "type": "resource", "code": code, "message": "no" } }))
}

fn call(request: &Request) -> Call {
    Call::read(request).unwrap()
}

fn create(id: &str) -> Call {
    call(&Request::to(Endpoint::Create).json(&json!({ "id": id })))
}

fn of(endpoint: Endpoint, id: &str) -> Call {
    call(&Request::to(endpoint).id(id))
}

fn keyed(endpoint: Endpoint, id: &str, key: &str) -> Call {
    let request = Request::to(endpoint).id(id).header("idempotency-key", key);
    call(&if endpoint == Endpoint::Create { request.json(&json!({ "id": id })) } else { request })
}

/// A project with the main offering `a` and the regular offering `b`.
fn world() -> World {
    let facts = Facts { products: ["p".to_owned()].into(), ..Facts::default() };
    let mut world = World::starting_from(&Snapshot::default(), facts);
    for (id, tag) in [("a", Some(1)), ("b", None)] {
        world = only(world.step(&create(id), &reply(201, &offering(id, tag, &[]))));
    }
    world
}

/// Judges a response to a request and updates the state.
fn apply(state: &mut State, request: Request, status: u16, body: &Value) -> Result<Explained, Box<ModelDeviation>> {
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let response = Response::new(status, HeaderMap::new(), bytes);
    let (started, ended) = (Instant::now(), Instant::now());
    let exchange = Arc::new(Exchange { request, response, started, ended });
    state.apply(&call(&exchange.request), &Reply::read(&exchange.response), &exchange)
}

fn only(mut next: Vec<World>) -> World {
    assert_eq!(next.len(), 1, "{next:#?}");
    next.remove(0)
}

fn violated(world: &World, call: &Call, reply: &Reply) -> &'static str {
    match world.judge(call, reply) {
        Judgement::Deviation(deviation) => deviation.rule,
        Judgement::Explained(explained) => panic!("{explained:?}"),
    }
}

#[test]
fn the_first_offering_is_main_and_the_second_is_not() {
    let empty = World::starting_from(&Snapshot::default(), Facts::default());
    assert_eq!(violated(&empty, &create("a"), &reply(201, &offering("a", None, &[]))), "create.first-is-main");
    assert_eq!(violated(&world(), &create("c"), &reply(201, &offering("c", 1, &[]))), "create.tag-regular");
}

#[test]
fn a_repeated_product_does_not_explain_another_rejection() {
    let facts = Facts { prefix: "qf-".into(), products: ["p".to_owned()].into(), ..Facts::default() };
    let world = World::starting_from(&Snapshot::default(), facts);
    let body = json!({ "id": "qf-a", "product_ids": ["p", "p", "qf-none"] });
    let call = Call::read(&Request::to(Endpoint::Create).json(&body)).unwrap();
    match world.judge(&call, &rejection(400, "invalid_data")) {
        Judgement::Explained(explained) => assert!(explained.is_open && explained.choices.is_empty()),
        Judgement::Deviation(deviation) => panic!("{deviation:?}"),
    }
}

#[test]
fn deleting_the_main_has_three_allowed_outcomes() {
    let delete = of(Endpoint::Delete, "a");
    let rejected = only(world().step(&delete, &rejection(409, "main")));
    assert_eq!(rejected.main(), &Main::Is("a".into()));
    let done = only(world().step(&delete, &reply(204, &Value::Null)));
    assert_eq!(done.main(), &unsure(&[]));
    for tag in [0, 1] {
        assert_eq!(done.step(&of(Endpoint::Get, "b"), &reply(200, &offering("b", tag, &[]))).len(), 1);
    }
    assert_eq!(violated(&done, &of(Endpoint::Get, "a"), &reply(200, &offering("a", 1, &[]))), "delete.removes");
}

fn unsure(not: &[&str]) -> Main {
    Main::Unknown { not: not.iter().map(|&id| id.to_owned()).collect() }
}

fn page(data: &Value) -> Reply {
    reply(200, &json!({ "object": "list", "url": "/", "has_more": false, "data": data }))
}

#[test]
fn responses_show_the_main_after_the_main_was_deleted() {
    let created = only(world().step(&create("c"), &reply(201, &offering("c", None, &[]))));
    let open = only(created.step(&of(Endpoint::Delete, "a"), &reply(204, &Value::Null)));
    let get = |id: &str, tag: i64| (of(Endpoint::Get, id), reply(200, &offering(id, tag, &[])));
    let after = |world: &World, (call, reply): &(Call, Reply)| only(world.step(call, reply));
    let not_b = after(&open, &get("b", 0));
    assert_eq!(not_b.main(), &unsure(&["b"]));
    assert_eq!(violated(&not_b, &get("b", 1).0, &get("b", 1).1), "get.existing");
    assert_eq!(after(&not_b, &get("c", 1)).main(), &Main::Is("c".into()));
    let no_main = page(&json!([offering("b", 0, &[]), offering("c", None, &[])]));
    let list = call(&Request::to(Endpoint::List));
    assert_eq!(only(open.step(&list, &no_main)).main(), &Main::None);
    // After the possible main is deleted, any of the others may be main.
    let again = only(not_b.step(&of(Endpoint::Delete, "c"), &reply(204, &Value::Null)));
    assert_eq!(again.main(), &unsure(&[]));
    let none_left = only(again.step(&of(Endpoint::Delete, "b"), &reply(204, &Value::Null)));
    assert_eq!(none_left.main(), &Main::None);
}

#[test]
fn only_allowed_requests_have_possible_successors() {
    let empty = World::starting_from(&Snapshot::default(), Facts::default());
    assert_eq!(only(empty.possible_successors(&create("a"))).main(), &Main::Is("a".into()));
    assert_eq!(only(empty.clone().touched().possible_successors(&create("a"))).main(), &unsure(&[]));
    assert!(world().possible_successors(&create("a")).is_empty(), "it exists");
    assert!(empty.possible_successors(&of(Endpoint::Delete, "a")).is_empty(), "it does not exist");
    assert_eq!(only(world().possible_successors(&of(Endpoint::SetMain, "b"))).main(), &Main::Is("b".into()));
}

#[test]
fn a_listed_main_of_another_client_stays_main() {
    let offerings = [offering("theirs", 1, &[]), offering("other", 0, &[])].iter().filter_map(Offering::read).collect();
    let facts = Facts { prefix: "qf-".into(), ..Facts::default() };
    let world = World::starting_from(&Snapshot { offerings, pages: 1 }, facts).normalized();
    let list = call(&Request::to(Endpoint::List));
    let (theirs, other) = (offering("theirs", 0, &[]), offering("other", 0, &[]));
    assert_eq!(violated(&world, &list, &page(&json!([theirs, other]))), "invariant.main-exists");
    // The third: another client promoted and deleted `other`.
    for right in [json!([]), json!([theirs, other, offering("another", 1, &[])]), json!([theirs])] {
        let verdict = world.judge(&list, &page(&right));
        assert!(matches!(verdict, Judgement::Explained(_)), "{verdict:?}");
    }
}

#[test]
fn orders_of_the_same_writes_lead_to_equal_normalized_worlds() {
    let promote = |id: &str| (of(Endpoint::SetMain, id), reply(200, &offering(id, 1, &[])));
    let (created, of_b) = (world().normalized(), promote("b"));
    let after = |world: &World, (call, reply): &(Call, Reply)| only(world.step(call, reply)).normalized();
    let again = after(&after(&created, &of_b), &promote("a"));
    assert_eq!(again, after(&again, &promote("a")));
    assert_ne!(again, after(&again, &of_b));
}

#[test]
fn normalized_worlds_keep_the_offering_of_a_key() {
    let create = call(&Request::to(Endpoint::Create).header("idempotency-key", "k").json(&json!({ "id": "c" })));
    let other = call(&Request::to(Endpoint::Create).json(&json!({ "id": "c" })));
    let (created, deleted) = (reply(201, &offering("c", None, &[])), reply(204, &Value::Null));
    let delete = (of(Endpoint::Delete, "c"), deleted);
    let after = |world: &World, call: &Call, reply: &Reply| only(world.step(call, reply)).normalized();
    let first = after(&world().normalized(), &create, &created);
    assert_eq!(violated(&first, &create, &rejection(409, "offering_already_exists")), "create.idempotency-replay");
    let none = after(&first, &delete.0, &delete.1);
    let second = after(&none, &other, &created);
    assert_eq!(after(&second, &delete.0, &delete.1), none, "former incarnations do not matter");
    assert_eq!(
        second.step(&create, &rejection(409, "offering_already_exists")).len(),
        1,
        "the offering of the key was recreated"
    );
}

#[test]
fn a_set_main_changes_the_main() {
    let promoted = only(world().step(&of(Endpoint::SetMain, "b"), &reply(200, &offering("b", 1, &[]))));
    let get = of(Endpoint::Get, "a");
    assert_eq!(violated(&promoted, &get, &reply(200, &offering("a", 1, &[]))), "get.existing");
    assert_eq!(promoted.step(&get, &reply(200, &offering("a", 0, &[]))).len(), 1);
    assert_eq!(violated(&world(), &of(Endpoint::SetMain, "c"), &reply(200, &json!({}))), "set-main.missing");
}

#[test]
fn a_repeated_set_main_with_its_key_has_no_effect() {
    let first = keyed(Endpoint::SetMain, "b", "k");
    let yes = |id| reply(200, &offering(id, 1, &[]));
    let world = only(world().step(&first, &yes("b")));
    let world = only(world.step(&of(Endpoint::SetMain, "a"), &yes("a")));
    let replayed = only(world.step(&first, &yes("b")));
    assert_eq!(replayed.main(), &Main::Is("a".into()));
    assert_eq!(violated(&world, &first, &rejection(409, "used")), "set-main.idempotency-replay");
    // With another offering the key must not return the first offering.
    assert_eq!(violated(&world, &keyed(Endpoint::SetMain, "a", "k"), &yes("b")), "set-main.promotes");
}

#[test]
fn the_effect_of_the_key_of_a_deleted_offering_is_open() {
    let again = call(&Request::to(Endpoint::Create).header("idempotency-key", "k").json(&json!({ "id": "c" })));
    let created = reply(201, &offering("c", None, &[]));
    let world = only(world().step(&again, &created));
    assert_eq!(violated(&world, &again, &rejection(409, "offering_already_exists")), "create.idempotency-replay");
    let world = only(world.step(&of(Endpoint::Delete, "c"), &reply(204, &Value::Null)));
    let next = world.step(&again, &created);
    assert_eq!(next.iter().map(|world| world.find("c").is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_key_of_a_deleted_offering_may_name_a_later_one() {
    let create = |body: Value| call(&Request::to(Endpoint::Create).header("idempotency-key", "k").json(&body));
    let (first, other) = (create(json!({ "id": "c" })), create(json!({ "id": "d" })));
    let created = |id| reply(201, &offering(id, None, &[]));
    let kept = only(world().step(&first, &created("c")));
    let deleted = only(kept.step(&of(Endpoint::Delete, "c"), &reply(204, &Value::Null)));
    let replaced = only(deleted.step(&other, &created("d")));
    assert!(!replaced.step(&first, &created("d")).is_empty(), "the key names `d` now");
    assert_eq!(violated(&replaced, &first, &created("e")), "create.idempotency-replay");
    // With a body that differs without effect, the response may be the first one again or a new offering.
    let same = create(json!({ "id": "c", "product_ids": [] }));
    let next = deleted.step(&same, &created("c"));
    assert_eq!(next.iter().map(|world| world.find("c").is_some()).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn ids_that_differ_in_case_name_one_or_two_offerings() {
    let get = of(Endpoint::Get, "B");
    assert_eq!(world().step(&get, &rejection(404, "not_found")).len(), 1);
    assert_eq!(world().step(&get, &reply(200, &offering("b", None, &[]))).len(), 1);
    assert_eq!(violated(&world(), &get, &reply(200, &offering("a", 1, &[]))), "get.missing");
}

#[test]
fn the_effect_of_a_server_error_is_unknown() {
    let update = call(&Request::to(Endpoint::Update).id("b").json(&json!({ "product_ids": ["p"] })));
    let next = world().step(&update, &reply(500, &json!({})));
    let products = next.iter().map(|world| world.find("b").unwrap().products.len());
    assert_eq!(products.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_complete_page_contains_exactly_the_stored_offerings() {
    let list = call(&Request::to(Endpoint::List));
    let (a, b) = (offering("a", 1, &[]), offering("b", None, &[]));
    assert_eq!(world().step(&list, &page(&json!([a, b]))).len(), 1);
    assert_eq!(violated(&world(), &list, &page(&json!([a]))), "list.agrees-with-get");
    assert_eq!(violated(&world(), &list, &page(&json!([a, b, offering("c", None, &[])]))), "invariant.model-agrees");
}

#[test]
fn an_update_of_the_main_with_a_tag_is_rejected() {
    let demote = |tag: Option<i64>| call(&Request::to(Endpoint::Update).id("a").json(&json!({ "tag": tag })));
    let main = reply(200, &offering("a", 1, &[]));
    assert_eq!(violated(&world(), &demote(Some(0)), &main), "update.demote-rejected");
    assert_eq!(violated(&world(), &demote(None), &main), "update.demote-null");
    assert_eq!(violated(&world(), &demote(Some(1)), &main), "update.tag-main-rejected");
    assert_eq!(world().step(&demote(Some(0)), &rejection(422, "cannot_demote_main")).len(), 1);
}

#[test]
fn a_deleted_id_of_another_project_can_be_created_again() {
    let conflict = rejection(409, "offering_already_exists");
    let mut world = world();
    world.elsewhere = std::sync::Arc::new(["b".to_owned(), "c".to_owned()].into());
    assert_eq!(violated(&world, &create("c"), &conflict), "auth.project-isolation");
    let deleted = only(world.step(&of(Endpoint::Delete, "b"), &reply(204, &Value::Null)));
    assert_eq!(violated(&deleted, &create("b"), &conflict), "delete.recreate");
}

#[test]
fn a_firewall_may_reject_ids_with_sql() {
    let blocked = reply(403, &Value::Null);
    for id in ["a--b", "select one", "this or that"] {
        assert!(matches!(world().judge(&create(id), &blocked), Judgement::Explained(_)), "{id}");
    }
    assert_eq!(violated(&world(), &create("a-b"), &blocked), "create.echo");
    let by_the_api = rejection(403, "control_forbidden");
    assert_eq!(violated(&world(), &create("a--b"), &by_the_api), "create.echo");
}

#[test]
fn updated_at_of_a_main_changes_only_by_a_write() {
    let facts = Facts { is_exclusive: true, ..Facts::default() };
    let offerings = |time: &str| {
        let mut main = offering("a", 1, &[]);
        main["updated_at"] = json!(time);
        let offerings = [main].iter().filter_map(Offering::read).collect();
        Snapshot { offerings, pages: 1 }
    };
    let state = State::starting_from(&offerings("2026-01-01T00:00:00Z"), facts);
    let compare = |time: &str| state.compare(&offerings(time), false, &BTreeSet::new()).mismatches;
    assert_eq!(compare("2026-01-01T00:00:00.0Z"), []);
    assert_eq!(compare("2026-01-01T00:00:01Z").len(), 1);
}

#[test]
fn a_server_without_case_may_keep_deleted_ids_of_any_case() {
    let deleted = only(world().step(&of(Endpoint::Delete, "b"), &reply(204, &Value::Null)));
    let conflict = rejection(409, "offering_already_exists");
    assert_eq!(violated(&deleted, &create("B"), &conflict), "delete.recreate");
    assert_eq!(violated(&deleted, &create("other"), &conflict), "create.echo");
}

#[test]
fn an_accepted_delete_in_another_case_must_have_an_effect() {
    let facts = Facts { is_exclusive: true, ..Facts::default() };
    let snapshot = |ids: &[&str]| {
        let offerings = ids.iter().filter_map(|id| Offering::read(&offering(id, None, &[]))).collect();
        Snapshot { offerings, pages: 1 }
    };
    let mut state = State::starting_from(&snapshot(&["a", "b"]), facts);
    apply(&mut state, Request::to(Endpoint::Delete).id("B"), 204, &Value::Null).unwrap();
    let compare = |ids: &[&str]| state.compare(&snapshot(ids), false, &BTreeSet::new()).mismatches;
    assert_eq!(compare(&["a"]), []);
    let rules: Vec<_> = compare(&["a", "b"]).iter().map(|mismatch| mismatch.deviation.rule).collect();
    assert_eq!(rules, ["delete.missing"]);
}

#[test]
fn a_list_that_contradicts_the_writes_may_be_outdated() {
    let list = |of: &[Value]| Snapshot { offerings: of.iter().filter_map(Offering::read).collect(), pages: 1 };
    let before = list(&[offering("a", 1, &[]), offering("b", None, &[])]);
    let promoted = |may_be_outdated: bool| {
        let mut state = State::starting_from(&before, Facts { is_exclusive: true, ..Facts::default() });
        apply(&mut state, Request::to(Endpoint::SetMain).id("b"), 200, &offering("b", 1, &[])).unwrap();
        state.adopt(&before, may_be_outdated);
        state.adopt(&before, may_be_outdated);
        state
    };
    let demote = || Request::to(Endpoint::Update).id("a").json(&json!({ "tag": 0 }));
    let error = json!({ "error": { "type": "resource", "code": "cannot_demote_main", "message": "no" } });
    for (may_be_outdated, accepted) in [(true, true), (false, false)] {
        let demoted = apply(&mut promoted(may_be_outdated), demote(), 200, &offering("a", 0, &[]));
        assert_eq!(demoted.is_ok(), accepted);
        assert!(apply(&mut promoted(may_be_outdated), demote(), 422, &error).is_ok());
    }
    // A later list shows which of them is real.
    let mut state = promoted(true);
    state.adopt(&list(&[offering("a", 0, &[]), offering("b", 1, &[])]), false);
    let demote_b = Request::to(Endpoint::Update).id("b").json(&json!({ "tag": 0 }));
    assert!(apply(&mut state, demote_b, 200, &offering("b", 0, &[])).is_err());
}

#[test]
fn only_writes_that_fail_in_every_world_are_certain_to_fail() {
    let list = [offering("a", 1, &[]), offering("b", None, &[])];
    let snapshot = Snapshot { offerings: list.iter().filter_map(Offering::read).collect(), pages: 1 };
    let state = State::starting_from(&snapshot, Facts { is_exclusive: true, ..Facts::default() });
    for certain in [create("a"), of(Endpoint::Delete, "c"), create("")] {
        assert!(state.is_certain_to_fail(&certain), "{certain:?}");
    }
    // An id in another letter case may name the same offering.
    for open in [create("c"), of(Endpoint::Delete, "b"), create("B"), of(Endpoint::Delete, "B")] {
        assert!(!state.is_certain_to_fail(&open), "{open:?}");
    }
}
