//! Rate limiting: one pace for all clients of a target.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// The maximum number of requests per second or minute, written `20/s` or `600/m`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    requests: u32,
    per: Per,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Per {
    Second,
    Minute,
}

impl Rate {
    /// The time between two requests.
    pub fn interval(self) -> Duration {
        let period = match self.per {
            Per::Second => Duration::from_secs(1),
            Per::Minute => Duration::from_mins(1),
        };
        period / self.requests
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let per = match unit.trim() {
            "s" | "sec" | "second" => Per::Second,
            "m" | "min" | "minute" => Per::Minute,
            _ => return Err(format!("`{text}` is not a rate: write `20/s` or `600/m`")),
        };
        match number.trim().parse() {
            Ok(0) | Err(_) => Err(format!(
                "`{text}` is not a rate: the number of requests must be a whole number from 1, as in `20/s`"
            )),
            Ok(requests) => Ok(Self { requests, per }),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        let unit = match rate.per {
            Per::Second => "s",
            Per::Minute => "m",
        };
        format!("{}/{unit}", rate.requests)
    }
}

/// Delays requests to a rate, in the order in which they wait.
#[derive(Debug, Default)]
pub struct Pacing {
    interval: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Pacing {
    /// A pace of `rate`, or no limit.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { interval: rate.map(Rate::interval), next: Mutex::new(None) }
    }

    /// Waits until the next request may be sent.
    pub async fn wait(&self) {
        let Some(interval) = self.interval else {
            return;
        };
        let slot = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = next.unwrap_or_else(Instant::now).max(Instant::now());
            *next = Some(slot + interval);
            slot
        };
        tokio::time::sleep_until(slot).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_parsed_and_formatted() {
        let rate: Rate = "20/s".parse().expect("a rate");
        assert_eq!(rate.interval(), Duration::from_millis(50));
        assert_eq!(String::from(rate), "20/s");
        assert_eq!("600/m".parse::<Rate>().map(Rate::interval), Ok(Duration::from_millis(100)));
        for bad in ["0/s", "x/s", "5/h", ""] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn requests_are_spread_over_time() {
        let pacing = Pacing::new("100/s".parse().ok());
        let start = Instant::now();
        for _ in 0..6 {
            pacing.wait().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
}
