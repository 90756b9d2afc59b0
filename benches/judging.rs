//! The cost of judging: the same requests sent with and without judging, and generating and judging alone.
//!
//! `cargo bench --bench judging` first prints requests per second with and without judging and the share of judging and
//! generating in the time; then each benchmark, where `item/s` is requests, inputs or judged exchanges per second.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use divan::Bencher;
use divan::counter::ItemsCount;
use qonform::check::{Judge, SeenTimestamps};
use qonform::contract::{Contract, Direction, Endpoint, ParameterPlace};
use qonform::exchange::{Exchange, Request, TransportSettings};
use qonform::finding::Record;
use qonform::generate::Schema;
use qonform::offerings::Naming;
use qonform::offerings::input::Inputs;
use qonform::project::{Project, Session};
use qonform::reference::Options;
use qonform::run::Embedded;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of concurrent projects.
const PROJECTS: usize = 16;

fn main() {
    // `cargo test --benches` only checks that it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        print_summary();
    }
    divan::main();
}

/// Measures requests with and without judging, and as many generated inputs: the best of [`ROUNDS`] each.
fn print_summary() {
    let requests: Arc<[Request]> = requests(&WORLD.contract).into();
    let sent = requests.len() * PROJECTS;
    let (mut bare_best, mut judged_best, mut generated_best) = (f64::MAX, f64::MAX, f64::MAX);
    // Alternating, so that other load on the machine affects all measurements.
    for _ in 0..ROUNDS {
        bare_best = bare_best.min(seconds(|| send_all(&requests, bare)));
        judged_best = judged_best.min(seconds(|| send_all(&requests, judged)));
        let generated = AtomicUsize::new(0);
        let spent = seconds(|| generate_all(sent, &generated));
        generated_best = generated_best.min(spent * sent as f64 / generated.into_inner() as f64);
    }
    let (bare, judged) = (sent as f64 / bare_best, sent as f64 / judged_best);
    let all = judged_best + generated_best;
    println!("sent and judged     {judged:>8.0} requests/s");
    println!("sent, not judged    {bare:>8.0} requests/s");
    println!("generating          {:>8.0} inputs/s", sent as f64 / generated_best);
    println!("judging and generating take {:.0} % of the time\n", (all - bare_best) / all * 100.0);
}

/// Generates at least `wanted` inputs concurrently, as a run does.
fn generate_all(wanted: usize, generated: &AtomicUsize) {
    std::thread::scope(|scope| {
        for core in 0..std::thread::available_parallelism().map_or(1, usize::from) as u64 {
            scope.spawn(move || {
                let project = WORLD.server.project("bench-whole");
                for seed in 0.. {
                    for endpoint in Endpoint::ALL {
                        let inputs = Inputs::of(&WORLD.contract, endpoint, &project.fixtures, seed << 8 | core, 100);
                        if generated.fetch_add(inputs.list.len(), Ordering::Relaxed) + inputs.list.len() >= wanted {
                            return;
                        }
                    }
                }
            });
        }
    });
}

/// Number of measurements for the summary.
const ROUNDS: usize = 8;

fn seconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// The server for all benchmarks and its runtime.
struct World {
    runtime: Runtime,
    server: Embedded,
    contract: Arc<Contract>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime can be created");
    let contract = Arc::new(Contract::embedded());
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let started = Embedded::start(Options::default(), TransportSettings::default(), judge);
    let server = runtime.block_on(started).expect("a port is free");
    World { runtime, server, contract }
});

/// Requests from the document: bodies and parameters at every limit.
fn requests(contract: &Contract) -> Vec<Request> {
    let mut requests = Vec::new();
    for endpoint in [Endpoint::Create, Endpoint::Update] {
        let body = contract.operation(endpoint).body.as_ref().and_then(|body| body.json());
        let schema = Schema::of(body.expect("both have a body"), Direction::Request);
        let bodies = schema.valid().chain(schema.broken());
        requests.extend(bodies.map(|sample| Request::to(endpoint).id("winback").json(&sample.value)));
    }
    let limit =
        contract.operation(Endpoint::List).parameter(ParameterPlace::Query, "limit").expect("a list has a limit");
    let limits = Schema::of(&limit.schema, Direction::Request).texts();
    requests.extend(limits.iter().map(|text| Request::to(Endpoint::List).query("limit", &text.text)));
    let id = contract.operation(Endpoint::Get).parameter(ParameterPlace::Path, "offering_id").expect("a get has an id");
    let ids = Schema::of(&id.schema, Direction::Request).texts();
    let ids = ids.iter().filter(|text| !text.text.is_empty());
    requests.extend(ids.map(|text| Request::to(Endpoint::Get).id(&text.text)));
    requests
}

/// Sends all requests on every project concurrently.
fn send_all<Fut>(requests: &Arc<[Request]>, send: impl Fn(Project, Arc<[Request]>) -> Fut)
where
    Fut: Future<Output = ()> + Send + 'static,
{
    let world = &*WORLD;
    world.runtime.block_on(async {
        let mut projects = JoinSet::new();
        for number in 0..PROJECTS {
            projects.spawn(send(world.server.project(&format!("bench-{number}")), Arc::clone(requests)));
        }
        projects.join_all().await;
    });
}

async fn bare(project: Project, requests: Arc<[Request]>) {
    for request in requests.iter() {
        project.client.send(request.clone()).await.expect("the server responds");
    }
}

async fn judged(project: Project, requests: Arc<[Request]>) {
    let mut session = Session::new(project);
    for request in requests.iter() {
        session.send(request.clone()).await.expect("the server responds");
    }
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn requests_sent_bare(bencher: Bencher<'_, '_>) {
    let requests: Arc<[Request]> = requests(&WORLD.contract).into();
    bencher.counter(ItemsCount::new(requests.len() * PROJECTS)).bench(|| send_all(&requests, bare));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn requests_sent_and_judged(bencher: Bencher<'_, '_>) {
    let requests: Arc<[Request]> = requests(&WORLD.contract).into();
    bencher.counter(ItemsCount::new(requests.len() * PROJECTS)).bench(|| send_all(&requests, judged));
}

/// Complete cases: generated, set up, sent, judged, compared. Counts inputs, some of which take several requests.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn inputs_generated_and_run(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let run = |project: Project, seed: u64| async move {
        let contract = Arc::clone(project.judge.contract());
        let mut count = 0;
        for endpoint in Endpoint::ALL {
            let inputs = Inputs::of(&contract, endpoint, &project.fixtures, seed, 100);
            let naming = Naming::new(seed, &format!("i{}", endpoint as u8), 0);
            let result = inputs.run_case(project.clone(), naming).await;
            assert!(result.failures.is_empty() && result.abort.is_none(), "the server is correct");
            count += inputs.list.len();
        }
        count
    };
    let project = world.server.project("bench-count");
    let inputs = world.runtime.block_on(run(project, 0));
    bencher.counter(ItemsCount::new(inputs * PROJECTS)).bench(|| {
        world.runtime.block_on(async {
            let mut projects = JoinSet::new();
            for number in 0..PROJECTS {
                projects.spawn(run(world.server.project(&format!("bench-run-{number}")), number as u64));
            }
            projects.join_all().await;
        });
    });
}

#[divan::bench]
fn generating_alone(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let project = world.server.project("bench-generate");
    let inputs = || Inputs::of(&world.contract, Endpoint::Create, &project.fixtures, 1, 100);
    bencher.counter(ItemsCount::new(inputs().list.len())).bench(inputs);
}

#[divan::bench]
fn judging_alone(bencher: Bencher<'_, '_>) {
    let world = &*WORLD;
    let project = world.server.project("bench-judge");
    let requests = requests(&world.contract);
    let exchanges: Vec<Arc<Exchange>> = world.runtime.block_on(async {
        let mut exchanges = Vec::new();
        for request in requests {
            exchanges.push(Arc::new(project.client.send(request).await.expect("the server responds")));
        }
        exchanges
    });
    bencher.counter(ItemsCount::new(exchanges.len())).bench(|| {
        let (mut timestamps, mut record) = (SeenTimestamps::default(), Record::default());
        for exchange in &exchanges {
            project.judge.exchange(exchange, project.client.keys(), &mut timestamps, &mut record);
        }
        record
    });
}
