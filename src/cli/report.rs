//! `qonform report` and `qonform diff`: what can be made of JSON reports without a target.

use qonform::report::{self, Format, Style, Verbosity};

use super::args::{DiffArguments, DiffFormat, ReportArguments};
use super::files::{self, ReportFile};
use super::{CliError, out};

/// Makes other formats of a JSON report; without `--to` the one for people, on stdout.
pub(super) fn report(arguments: &ReportArguments) -> Result<u8, CliError> {
    let outcome = files::read(&arguments.run)?;
    if arguments.to.is_empty() {
        let style = Style {
            color: arguments.color.for_stdout(),
            width: out::width(100),
            detail: if arguments.verbose { Verbosity::Verbose } else { Verbosity::Normal },
        };
        out::out(&report::render(Format::Human, &outcome, &style))?;
    }
    ReportFile::write_all(ReportFile::open_all(&arguments.to)?, &outcome)?;
    Ok(0)
}

/// Compares two runs; the exit code is 1 when the newer one has violations that the older had not.
pub(super) fn diff(arguments: &DiffArguments) -> Result<u8, CliError> {
    let difference = report::diff(&files::read(&arguments.old)?, &files::read(&arguments.new)?);
    let style = Style { color: arguments.color.for_stdout(), width: out::width(100), detail: Verbosity::Normal };
    out::out(&match arguments.format {
        DiffFormat::Human => difference.to_human(&style),
        DiffFormat::Json => difference.to_json(),
        DiffFormat::Markdown => difference.to_markdown(),
    })?;
    Ok(difference.exit_code())
}
