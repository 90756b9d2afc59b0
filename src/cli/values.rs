//! Parsers of the values of flags: durations and numbers. Their errors say what to write.

use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

/// `10s`, `500ms`, `2m`, or plain seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const WRITE: &str = "write a whole number and ms, s or m, as in `500ms`, `10s` or `2m`";
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| WRITE)?;
    let time = match unit.trim() {
        "ms" => Duration::from_millis(number),
        "" | "s" => Duration::from_secs(number),
        "m" | "min" => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(WRITE.into()),
    };
    if time.is_zero() {
        return Err("the time must be longer than 0".into());
    }
    Ok(time)
}

/// A whole number from 0.
pub(super) fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "write a whole number from 0, as in `7`".into())
}

/// A port of TCP, or 0.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "write a port from 0 to 65535, as in `4010`".into())
}

/// A whole number from 1.
pub(super) fn positive(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a whole number from 1, as in `4`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in ["", "s", "5h", "-1s", "0"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
