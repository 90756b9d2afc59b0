//! The command line as typed. Nothing here reads a file or opens a connection.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use qonform::exchange::Rate;
use qonform::reference::{Behaviour, Fault};
use qonform::run::{Effort, Layer};

use super::configuration::{ConfigurationArguments, InitArguments, Rank};
use super::gates::GateArguments;
use super::out::ColorChoice;
use super::values::{duration, port, positive, whole};

/// Test a server against the contract of the Qonversion REST API v4 offerings resource.
#[derive(Debug, Parser)]
#[command(name = "qonform", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Examples:\n  \
    qonform run                                          test the embedded server\n  \
    QONFORM_TOKEN=test_sk_… qonform run -u https://staging.example/v4\n  \
    qonform explain delete.removes                       describe one rule\n\n\
    Exit codes:\n  \
    0    no violation\n  \
    1    violations\n  \
    2    unusable arguments, configuration or contract\n  \
    3    target not tested, a must rule undecided, or something not removed\n  \
    101  a bug in qonform\n  \
    130  interrupted")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Test a server against the contract; by default the embedded server.
    Run(Box<RunArguments>),
    /// List the rules of the contract.
    Rules(RulesArguments),
    /// Describe a rule or a finding: what the contract requires, an example, what to fix, how to test it.
    Explain(ExplainArguments),
    /// Serve the embedded server, to test qonform or an API client with it.
    Serve(ServeArguments),
    /// Test qonform itself: run it against every fault and every correct behaviour of the embedded server.
    Selftest(SelftestArguments),
    /// Run the case of one finding again; exit code 1 if it still fails.
    Replay(Box<ReplayArguments>),
    /// Convert a JSON report to other formats.
    Report(ReportArguments),
    /// Compare two JSON reports; exit code 1 if the newer one has new violations.
    Diff(DiffArguments),
    /// Check the contract's document for mistakes; exit code 1 if there are any.
    Lint(LintArguments),
    /// Write a commented qonform.toml with every key.
    Init(InitArguments),
    /// Show the value that `qonform run` would use for every flag, and where it comes from.
    #[command(after_help = "Examples:\n  qonform config\n  qonform config --profile staging")]
    Config(Box<RunArguments>),
    /// Print the completion script of a shell.
    Completions(CompletionsArguments),
    /// Print the manual page.
    #[command(after_help = "Example:\n  qonform man > qonform.1")]
    Man,
    /// Remove what interrupted runs left on their targets, and restore the main offerings.
    Clean(Box<CleanArguments>),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform run                                          test the embedded server\n  \
    QONFORM_TOKEN=test_sk_… qonform run -u https://staging.example/v4 --product-id monthly\n  \
    qonform run --only 'create.*' --skip create.echo --report junit=junit.xml --report html=report.html")]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) target: TargetArguments,
    #[command(flatten)]
    pub(super) contract: ContractArguments,
    #[command(flatten)]
    pub(super) selection: SelectionArguments,
    #[command(flatten)]
    pub(super) gates: GateArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// File that records what the run creates, for `qonform clean` [default: a new file under
    /// ~/.local/state/qonform].
    #[arg(long, env = "QONFORM_JOURNAL", value_name = "FILE", help_heading = "Target")]
    pub(super) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(super) following: FollowingArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct TargetArguments {
    /// Base URL of the server to test; without a path, the contract's (/v4) is added [default: the embedded server].
    #[arg(long, short = 'u', visible_alias = "url", env = "QONFORM_TARGET", value_name = "URL")]
    pub(super) target: Option<String>,
    /// Secret key of the project to test. Prefer the variable: other users can see arguments.
    #[arg(long, env = "QONFORM_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) token: Option<String>,
    /// Secret key of another project [default: none; the rules that need it are skipped].
    #[arg(long, env = "QONFORM_SECOND_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) second_token: Option<String>,
    /// Valid key without permission for offerings [default: none; the rules that need it are skipped].
    #[arg(long, env = "QONFORM_LIMITED_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) limited_token: Option<String>,
    /// Secret key of a project without offerings [default: none; the rules that need it are skipped].
    #[arg(long, env = "QONFORM_EMPTY_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) empty_token: Option<String>,
    /// Product id that is registered in the project; repeatable [default: the products of existing offerings].
    #[arg(long = "product-id", env = "QONFORM_PRODUCT_IDS", value_delimiter = ',', value_name = "ID")]
    pub(super) product_ids: Vec<String>,
    /// File with one registered product id per line [default: none].
    #[arg(long, env = "QONFORM_PRODUCT_IDS_FILE", value_name = "FILE")]
    pub(super) product_ids_file: Option<PathBuf>,
    /// Product id that is registered in the project of --second-token, but not in that of --token [default: none].
    #[arg(long, env = "QONFORM_SECOND_PRODUCT_ID", value_name = "ID")]
    pub(super) second_product_id: Option<String>,
    /// Id of an experiment-variant offering [default: none; the rules that need it are skipped]. Updates, deletes and
    /// set-mains of it are really sent: a server that does not reject them changes or deletes it.
    #[arg(long, env = "QONFORM_VARIANT_ID", value_name = "ID")]
    pub(super) variant_id: Option<String>,
    /// Header to add to every request, as `Name: value`; repeatable [default: none].
    #[arg(
        long = "header",
        short = 'H',
        env = "QONFORM_HEADERS",
        value_delimiter = '\n',
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub(super) headers: Vec<String>,
    /// Send only GET requests.
    #[arg(long, env = "QONFORM_READ_ONLY", conflicts_with = "keep_main")]
    pub(super) read_only: bool,
    /// Leave the main offering as it is: never make another one main.
    #[arg(long, env = "QONFORM_KEEP_MAIN")]
    pub(super) keep_main: bool,
    /// Expect other clients to write to the projects during the run: do not report their changes as violations.
    #[arg(long, env = "QONFORM_SHARED")]
    pub(super) shared: bool,
    /// Allow a production key (sk_…) and the production host.
    #[arg(long, env = "QONFORM_ALLOW_PRODUCTION")]
    pub(super) allow_production: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Contract")]
pub(super) struct ContractArguments {
    /// OpenAPI 3.0 document with the six operations of the offerings resource [default: the embedded document].
    #[arg(long, env = "QONFORM_SPEC", value_name = "FILE")]
    pub(super) spec: Option<PathBuf>,
    /// Largest document that is read, in MiB.
    #[arg(long, env = "QONFORM_MAX_DOCUMENT_SIZE", value_name = "MIB", default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) max_document_size: u16,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  qonform lint\n  qonform lint --spec openapi.yaml\n\n\
    The document allows mistakes by `x-lint-allow` at its top: an object of their ids and the reasons.")]
pub(super) struct LintArguments {
    #[command(flatten)]
    pub(super) contract: ContractArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArguments {
    /// Check only rules that match (`create.*`, `*.variant`, an area such as `list`); repeatable [default: all].
    #[arg(long, env = "QONFORM_ONLY", value_delimiter = ',', value_name = "GLOB")]
    pub(super) only: Vec<String>,
    /// Skip rules that match; repeatable [default: none].
    #[arg(long, env = "QONFORM_SKIP", value_delimiter = ',', value_name = "GLOB")]
    pub(super) skip: Vec<String>,
    /// Treat rules that match as must rules: they fail the run; `all` for every rule; repeatable
    /// [default: none].
    #[arg(long, env = "QONFORM_DENY", value_delimiter = ',', value_name = "GLOB")]
    pub(super) deny: Vec<String>,
    /// Treat rules that match as should rules: they only warn; repeatable [default: none].
    #[arg(long, env = "QONFORM_WARN", value_delimiter = ',', value_name = "GLOB")]
    pub(super) warn: Vec<String>,
    /// Treat rules that match as open: report them as observations; repeatable [default: none].
    #[arg(long, env = "QONFORM_ALLOW", value_delimiter = ',', value_name = "GLOB")]
    pub(super) allow: Vec<String>,
    /// Precedence among the three above: a flag overrides a file, regardless of its level.
    #[arg(skip)]
    pub(super) ranks: LevelRanks,
    /// Run only these kinds of cases: scenario, input, sequence, race; repeatable [default: all; with
    /// --only, the hand-written ones].
    #[arg(long = "layer", env = "QONFORM_LAYER", value_delimiter = ',', value_name = "LAYER")]
    pub(super) layers: Vec<Layer>,
    /// Test further operations of the document, by operation id (`v4*Product*`); repeatable [default: none]. What they
    /// create is not removed.
    #[arg(long = "operations", env = "QONFORM_OPERATIONS", value_delimiter = ',', value_name = "GLOB")]
    pub(super) operations: Vec<String>,
    /// File of past failures of generated cases: they run first, and new ones are added [default:
    /// qonform-regressions.json beside the configuration, if it exists].
    #[arg(long, env = "QONFORM_REGRESSIONS", value_name = "FILE")]
    pub(super) regressions: Option<PathBuf>,
    /// How many requests to send to a correct server: quick (about 1,000), standard (at most 5,000) or thorough (about
    /// 23,000). --cases and --race-tries override its numbers.
    #[arg(long, env = "QONFORM_EFFORT", default_value_t, value_name = "EFFORT")]
    pub(super) effort: Effort,
    /// Number of generated cases of each kind: random requests to each operation, and sequences [default: by --effort].
    #[arg(
        long,
        short = 'n',
        env = "QONFORM_CASES",
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::<u64>
    )]
    pub(super) cases: Option<u64>,
    /// Maximum number of steps of a generated sequence.
    #[arg(
        long,
        env = "QONFORM_STEPS",
        default_value_t = 30,
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::<usize>
    )]
    pub(super) steps: usize,
    /// Number of attempts of each race; for at most five seconds on a target other than the embedded server [default:
    /// by --effort].
    #[arg(
        long,
        env = "QONFORM_RACE_TRIES",
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = whole::<u32>
    )]
    pub(super) race_tries: Option<u32>,
    /// Time limit for minimizing all findings together, the most severe first.
    #[arg(long, env = "QONFORM_SHRINK_TIME", default_value = "20s", value_parser = duration, value_name = "TIME")]
    pub(super) shrink_time: Duration,
    /// Accept inconclusive must rules; without it, such a run ends with exit code 3.
    #[arg(long, env = "QONFORM_ALLOW_INCONCLUSIVE")]
    pub(super) allow_inconclusive: bool,
    /// Stop at the first violation.
    #[arg(long, env = "QONFORM_FAIL_FAST")]
    pub(super) fail_fast: bool,
    /// Show what would run and what would be skipped; change nothing.
    #[arg(long, env = "QONFORM_DRY_RUN")]
    pub(super) dry_run: bool,
}

/// Where the globs of levels come from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LevelRanks {
    pub(super) allow: Rank,
    pub(super) warn: Rank,
    pub(super) deny: Rank,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct PaceArguments {
    /// Seed of the generated cases: the same seed sends the same requests [default: random; always reported].
    #[arg(long, env = "QONFORM_SEED", value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub(super) seed: Option<u64>,
    /// Number of cases that run at the same time; those that concern a whole project run alone [default: 8, and the number
    /// of cores on the embedded server].
    #[arg(
        long,
        short = 'j',
        env = "QONFORM_JOBS",
        value_name = "N",
        allow_negative_numbers = true,
        value_parser = positive
    )]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Time limit for one response, as `500ms`, `10s` or `2m`.
    #[arg(long, env = "QONFORM_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub(super) timeout: Duration,
    /// Time limit for opening a connection.
    #[arg(long, env = "QONFORM_CONNECT_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub(super) connect_timeout: Duration,
    /// Maximum number of requests per second or minute: `20/s`, `600/m` [default: no limit].
    #[arg(long, env = "QONFORM_RATE", value_name = "RATE")]
    pub(super) rate: Option<Rate>,
    /// Time limit for repeating one request while the server returns 429 or 503, or is away.
    #[arg(long, env = "QONFORM_PATIENCE", default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub(super) patience: Duration,
    /// Time limit for the whole run, without cleaning up [default: none]. The results until then are reported.
    #[arg(long, env = "QONFORM_MAX_TIME", value_parser = duration, value_name = "TIME")]
    pub(super) max_time: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArguments {
    /// File with certificates (PEM) to trust instead of the system's [default: none].
    #[arg(long, env = "QONFORM_CACERT", value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Trust every certificate without checking it. The keys may go to any server.
    #[arg(long, env = "QONFORM_INSECURE")]
    pub(super) insecure: bool,
}

/// Output during a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FollowingArguments {
    /// Label to show in the reports, as `key=value`; repeatable [default: commit, branch and job of the CI system].
    #[arg(long = "label", env = "QONFORM_LABELS", value_name = "KEY=VALUE")]
    pub(super) labels: Vec<String>,
    /// Write each event as a line of JSON when it happens; `-` writes to stdout, without a report [default: none].
    #[arg(long, env = "QONFORM_EVENTS", value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Write every exchange of the run to the HAR of `--report har=PATH`, not only those of the findings.
    #[arg(long, env = "QONFORM_RECORD_ALL")]
    pub(super) record_all: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// Format of the report on stdout.
    #[arg(long, env = "QONFORM_FORMAT", default_value = "human", value_enum)]
    pub(super) format: StdoutFormat,
    /// Write a report to a file, as FORMAT=PATH; repeatable, the variable with one in each line. Formats: json, html,
    /// junit, sarif, markdown, har, github, human [default: none].
    #[arg(long = "report", env = "QONFORM_REPORT", value_delimiter = '\n', value_name = "FORMAT=PATH")]
    pub(super) reports: Vec<String>,
    /// Write each finding to a directory, as a shell script and a Hurl file that reproduce it [default: none].
    #[arg(long, env = "QONFORM_EXPORT", value_name = "DIR")]
    pub(super) export: Option<PathBuf>,
    /// When to colour stdout.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
    /// Show only findings and the verdict.
    #[arg(long, short, env = "QONFORM_QUIET", conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show each exchange on stderr, and in the report each rule's statement, every step of a finding with its bodies,
    /// and the responses that never came. Twice (-vv): also headers and bodies of each exchange.
    #[arg(long, short, env = "QONFORM_VERBOSE", action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Whether the text on stdout is only the findings: a command adds its own verdict.
    #[arg(skip)]
    pub(super) only_findings: bool,
}

/// Format of stdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum StdoutFormat {
    /// Text.
    Human,
    /// JSON.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  qonform rules\n  qonform rules 'create.*' list --format json")]
pub(super) struct RulesArguments {
    /// List only rules that match, as `create.*` or an area such as `list` [default: all].
    #[arg(value_name = "GLOB")]
    pub(super) patterns: Vec<String>,
    /// Format of the list.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: RulesFormat,
}

/// Format of the list of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum RulesFormat {
    /// One line for each rule.
    Human,
    /// JSON.
    Json,
    /// The tables of docs/rules.md.
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform explain delete.removes                       a rule\n  \
    qonform explain afc0ac21                             a finding of report.json\n  \
    qonform explain afc0ac21 --report-file ci/run.json   a finding of another report")]
pub(super) struct ExplainArguments {
    /// Id of a rule, or fingerprint of a finding (or its beginning).
    #[arg(value_name = "RULE|FINGERPRINT")]
    pub(super) name: String,
    /// JSON report that holds the finding, as `qonform run --report json=report.json` writes it.
    #[arg(long, default_value = "report.json", value_name = "FILE")]
    pub(super) report_file: PathBuf,
    /// When to colour stdout.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform serve                                        a correct server on port 4010\n  \
    qonform serve --fault delete-still-readable          a broken server\n  \
    qonform serve --list                                 every fault and behaviour")]
pub(super) struct ServeArguments {
    /// Port on 127.0.0.1; 0 for any free port.
    #[arg(long, short, env = "QONFORM_PORT", default_value_t = 4010, value_parser = port)]
    pub(super) port: u16,
    /// Fault to inject; repeatable [default: none].
    #[arg(long = "fault", value_name = "NAME")]
    pub(super) faults: Vec<Fault>,
    /// Other correct choice where the contract is open; repeatable [default: none].
    #[arg(long = "behaviour", value_name = "NAME")]
    pub(super) behaviours: Vec<Behaviour>,
    /// Delay of every response, as of a remote server (`100ms`) [default: none].
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(super) delay: Option<Duration>,
    /// List the faults and behaviours, each with a sentence, instead of serving.
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform selftest                                     every fault and behaviour\n  \
    qonform selftest delete-still-readable               one fault\n  \
    qonform selftest --whole --sample 40                 about 40 faults, tested over HTTP")]
pub(super) struct SelftestArguments {
    /// Faults and behaviours to test [default: all; `qonform serve --list` lists them].
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// Seed of every trial.
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub(super) seed: u64,
    /// Serve each fault and behaviour on a port and test it over HTTP, all kinds of cases in one project.
    #[arg(long, conflicts_with = "layers")]
    pub(super) whole: bool,
    /// With --whole: test about N faults of all families, and half as many correct servers [default: all].
    #[arg(long, requires = "whole", value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(super) sample: Option<NonZeroUsize>,
    /// With --whole: test only correct servers, as exclusive or shared projects [default: all servers].
    #[arg(long, requires = "whole", value_name = "PROJECTS", value_enum)]
    pub(super) correct: Option<Projects>,
    /// Number of servers tested at the same time [default: 6 times the number of cores; with --whole, twice].
    #[arg(long, short = 'j', value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Run only these kinds of cases, against the faults that they must catch [default: all].
    #[arg(long = "layer", value_delimiter = ',', value_name = "LAYER")]
    pub(super) layers: Vec<Layer>,
    /// Number of random combinations of behaviours.
    #[arg(long, default_value_t = 30, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>)]
    pub(super) combinations: u64,
    /// With --whole: how many requests each run sends, as that of `qonform run` [default: many cases of the kind that
    /// must catch the fault, fewer of the others].
    #[arg(long, requires = "whole", value_name = "EFFORT")]
    pub(super) effort: Option<Effort>,
    /// Format of the result on stdout.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: StdoutFormat,
    /// Show only the trials that failed or were not caught.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// How a self-test treats the projects of its servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Projects {
    /// No other client writes to them.
    Exclusive,
    /// Other clients may write to them.
    Shared,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  qonform replay report.json afc0ac21 -u https://staging.example/v4\n\n\
    The case and its seed come from the report: flags that select cases are rejected.")]
pub(super) struct ReplayArguments {
    /// JSON report that holds the finding.
    #[arg(value_name = "REPORT")]
    pub(super) report: PathBuf,
    /// Fingerprint of the finding, or its beginning.
    #[arg(value_name = "FINGERPRINT")]
    pub(super) fingerprint: String,
    #[command(flatten)]
    pub(super) run: RunArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform report run.json                              text on stdout\n  \
    qonform report run.json --to html=report.html --to sarif=report.sarif")]
pub(super) struct ReportArguments {
    /// JSON report of a run.
    #[arg(value_name = "RUN.json")]
    pub(super) run: PathBuf,
    /// Files to write, as FORMAT=PATH or a path whose extension names the format; repeatable [default: text on stdout].
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) to: Vec<String>,
    /// When to colour stdout.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
    /// Show every step with its headers and bodies.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  qonform diff main.json branch.json\n  \
    qonform diff main.json branch.json --format markdown")]
pub(super) struct DiffArguments {
    /// JSON report of the older run.
    #[arg(value_name = "OLD.json")]
    pub(super) old: PathBuf,
    /// JSON report of the newer run.
    #[arg(value_name = "NEW.json")]
    pub(super) new: PathBuf,
    /// Format of the comparison on stdout.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: DiffFormat,
    /// When to colour stdout.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
}

/// Format of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text.
    Human,
    /// JSON.
    Json,
    /// Markdown, for a comment on a pull request.
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    qonform completions bash > ~/.local/share/bash-completion/completions/qonform")]
pub(super) struct CompletionsArguments {
    /// Shell to complete in.
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform clean                                        everything that interrupted runs left\n  \
    qonform clean -u https://staging.example/v4 --prefix qf-abcd-\n\n\
    The keys come from the same variables as for the run (QONFORM_TOKEN, …). Only offerings whose \
    ids start with the\nrun's prefix are removed, and those that a journal of your own names.")]
pub(super) struct CleanArguments {
    /// Journal that a run left; repeatable [default: all under ~/.local/state/qonform].
    #[arg(long = "journal", env = "QONFORM_JOURNAL", value_name = "FILE")]
    pub(super) journals: Vec<PathBuf>,
    /// Without a journal: remove every offering of the project whose id starts with PREFIX (`qf-abcd-`). The main
    /// offering is not restored.
    #[arg(long, value_name = "PREFIX", conflicts_with = "journals")]
    pub(super) prefix: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }
}
