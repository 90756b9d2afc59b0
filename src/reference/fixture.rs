//! Fresh projects for a client: created in microseconds, the same for the same name.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::config::Config;
use super::history::History;
use super::idempotency::Replays;
use super::in_flight::InFlight;
use super::offering::{Kind, Offering};
use super::project::{Catalogue, Project};
use super::step::Process;
use super::store::{Clock, Grant, LOGICAL_START, Permission, SharedProject, Store, Ticker};

const PRODUCTS: usize = 120;
const SECOND_PRODUCTS: usize = 20;
const VARIANT_ID: &str = "exp-paywall:variant b";
const PRODUCT_ID_MAX: usize = 255;
const DAY: i64 = 86_400;

/// Keys and ids of a fresh set of projects.
///
/// The main project has a main offering (`onboarding`, tag 1), a demoted one (`winback`, 0), one never tagged
/// (`seasonal:summer 2025`, null), a legacy row (`legacy.row`, 7) and an experiment variant. The second project has a
/// main (`default`) and an offering whose id the main project also has (`winback`, with other products).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    /// Secret key of the main project.
    pub token: String,
    /// Secret key of another project.
    pub second_token: String,
    /// Valid key of the main project that is forbidden every operation.
    pub limited_token: String,
    /// Secret key of a project with no offerings and the same products as the main one.
    pub empty_token: String,
    /// 120 products of the main and of the empty project; the last id has the maximum of 255 characters.
    pub product_ids: Vec<String>,
    /// An experiment-variant offering of the main project.
    pub variant_id: String,
    /// Products of the second project; none is in the main one.
    pub second_product_ids: Vec<String>,
}

/// What all fixtures of a server share.
#[derive(Debug)]
pub(super) struct Fixtures {
    main: Arc<BTreeSet<String>>,
    second: Arc<BTreeSet<String>>,
    clock: Clock,
    config: Arc<Config>,
    seed: u64,
}

impl Fixtures {
    pub(super) fn new(clock: Clock, config: Arc<Config>, seed: u64) -> Self {
        let main = (1..=PRODUCTS).map(product_id).collect();
        let second = (1..=SECOND_PRODUCTS).map(|number| format!("other_{number:03}")).collect();
        Self { main: Arc::new(main), second: Arc::new(second), clock, config, seed }
    }

    /// Registers projects under `name`; `count` makes the keys unique.
    pub(super) fn register(&self, store: &Store, name: &str, count: u32) -> Fixture {
        let token = |role: &str| key(name, role, count);
        let fixture = Fixture {
            token: token("main"),
            second_token: token("second"),
            limited_token: token("limited"),
            empty_token: token("empty"),
            product_ids: self.main.iter().take(self.config.known_products).cloned().collect(),
            variant_id: VARIANT_ID.to_owned(),
            second_product_ids: self.second.iter().cloned().collect(),
        };
        // The first interruption depends on the seed and the name.
        let begun = name.bytes().fold(self.seed, |sum, byte| sum.wrapping_add(7 * u64::from(byte))) % 29;
        let project = |own, foreign, offerings| self.project(own, foreign, offerings, begun);
        let products: Vec<String> = self.main.iter().cloned().collect();
        let main = project(&self.main, &self.second, self.main_offerings(&products));
        let second = project(&self.second, &self.main, second_offerings(&fixture.second_product_ids));
        let empty = project(&self.main, &self.second, Vec::new());
        let process = Arc::<Mutex<Process>>::default();
        let grant = |project: &SharedProject, neighbour: &SharedProject, permission| Grant {
            project: project.clone(),
            neighbour: neighbour.clone(),
            process: Arc::clone(&process),
            permission,
        };
        store.add([
            (fixture.token.clone(), grant(&main, &second, Permission::Full)),
            (fixture.second_token.clone(), grant(&second, &main, Permission::Full)),
            (fixture.limited_token.clone(), grant(&main, &second, Permission::Nothing)),
            (fixture.empty_token.clone(), grant(&empty, &second, Permission::Full)),
        ]);
        fixture
    }

    fn project(
        &self,
        products: &Arc<BTreeSet<String>>,
        foreign_products: &Arc<BTreeSet<String>>,
        mut offerings: Vec<Offering>,
        requests: u64,
    ) -> SharedProject {
        for (number, offering) in (1..).zip(&mut offerings) {
            offering.number = number;
        }
        let total_created = offerings.len() as u64;
        SharedProject::new(Project {
            catalogue: Catalogue { own: products.clone(), foreign: foreign_products.clone() },
            offerings,
            retired: BTreeSet::new(),
            ticker: Ticker::new(self.clock),
            replays: Replays::default(),
            config: Arc::clone(&self.config),
            total_created,
            requests,
            history: History { initial: total_created, ..History::default() },
            in_flight: InFlight::default(),
        })
    }

    fn main_offerings(&self, products: &[String]) -> Vec<Offering> {
        let mut offerings = vec![
            offering(90, "onboarding", Some(1), &products[..3]),
            offering(80, "winback", Some(0), &products[3..5]),
            offering(70, VARIANT_ID, None, &products[..2]),
            offering(60, "seasonal:summer 2025", None, &products[5..6]),
            offering(50, "legacy.row", Some(7), &[]),
        ];
        let legacy = |tag: &i16| offering(45, &format!("legacy.tag {tag}"), Some(*tag), &products[7..8]);
        offerings.extend(self.config.legacy_tags.iter().map(legacy));
        let archived = |number| offering(40, &format!("archive-{number:03}"), None, &products[6..7]);
        offerings.extend((1..=self.config.archive).map(archived));
        offerings
    }
}

/// The part of a fixture's name in its keys, without underscores: these separate the fields of a key.
pub(super) fn key_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// A key. No field has an underscore and the last has a fixed length, so no key is a prefix of another.
fn key(name: &str, role: &str, count: u32) -> String {
    let hash = format!("{name}_{role}")
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("test_sk_{name}_{role}_{hash:08x}{count:08x}")
}

/// Product number `number`: most are short, the last two use every character and the maximum length.
fn product_id(number: usize) -> String {
    match number {
        PRODUCTS => format!("premium_{number:03} {}", "x".repeat(PRODUCT_ID_MAX - 12)),
        119 => format!("premium_{number:03}:Annual plan.v2-b"),
        _ => format!("premium_{number:03}"),
    }
}

fn second_offerings(products: &[String]) -> Vec<Offering> {
    vec![offering(85, "default", Some(1), &products[..2]), offering(75, "winback", None, &products[2..4])]
}

/// An offering created some days before the logical clock starts.
fn offering(days_before: i64, id: &str, tag: Option<i16>, products: &[String]) -> Offering {
    let created_at = LOGICAL_START - days_before * DAY;
    Offering {
        number: 0,
        id: id.to_owned(),
        tag,
        product_ids: products.to_vec(),
        created_at,
        updated_at: created_at + DAY,
        kind: if id == VARIANT_ID { Kind::Variant } else { Kind::Regular },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_product_id_has_the_maximum_length() {
        let ids: Vec<_> = (1..=PRODUCTS).map(product_id).collect();
        assert_eq!(ids.iter().map(String::len).max(), Some(PRODUCT_ID_MAX));
        assert!(ids.is_sorted());
    }

    #[test]
    fn no_key_is_a_prefix_of_another() {
        let mut keys = Vec::new();
        for name in ["a", "a-b", "case", "case1"] {
            for role in ["main", "second"] {
                keys.extend((0..20).map(|count| key(name, role, count)));
            }
        }
        for (place, one) in keys.iter().enumerate() {
            for (other_place, other) in keys.iter().enumerate() {
                assert!(place == other_place || !other.starts_with(one.as_str()), "{one} {other}");
            }
        }
    }
}
