//! `qonform report` and `qonform diff`: commands that read JSON reports.

use qonform::report::{self, Format, Style, Verbosity};

use super::args::{DiffArguments, DiffFormat, ReportArguments};
use super::files::{self, ReportFile};
use super::{CliError, out};

/// Converts a JSON report to other formats; without `--to`, to text on stdout.
pub(super) fn report(arguments: &ReportArguments) -> Result<u8, CliError> {
    let outcome = files::read(&arguments.run)?;
    if arguments.to.is_empty() {
        let color = arguments.color.for_stdout();
        let style = Style {
            color,
            width: out::width(100),
            detail: if arguments.verbose { Verbosity::Verbose } else { Verbosity::Normal },
            links: out::links(color, &outcome.contract.document),
        };
        out::out(&report::render(Format::Human, &outcome, &style))?;
    }
    ReportFile::write_all(ReportFile::open_all(&arguments.to)?, &outcome)?;
    Ok(0)
}

/// Compares two runs; exit code 1 if the newer one has new violations.
pub(super) fn diff(arguments: &DiffArguments) -> Result<u8, CliError> {
    let difference = report::diff(&files::read(&arguments.old)?, &files::read(&arguments.new)?);
    let style =
        Style { color: arguments.color.for_stdout(), width: out::width(100), detail: Verbosity::Normal, links: None };
    out::out(&match arguments.format {
        DiffFormat::Human => difference.to_human(&style),
        DiffFormat::Json => difference.to_json(),
        DiffFormat::Markdown => difference.to_markdown(),
    })?;
    Ok(difference.exit_code())
}
