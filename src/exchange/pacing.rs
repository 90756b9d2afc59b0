//! Rate limiting: one pace for all clients of a target.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::rate_controller::RateController;

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

/// Delays requests to the rate that the user sets and to the one that the target allows, in the order in which they
/// wait.
#[derive(Debug)]
pub struct Pacing {
    origin: Instant,
    controller: Mutex<RateController>,
    /// Held by the request that waits for its time.
    turn: tokio::sync::Mutex<()>,
}

impl Pacing {
    /// At most `rate`, or no limit until the target rejects a request.
    pub fn new(rate: Option<Rate>) -> Self {
        let cap = rate.map(|rate| 1.0 / rate.interval().as_secs_f64());
        Self {
            origin: Instant::now(),
            controller: Mutex::new(RateController::new(cap)),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Waits until `count` requests may be sent at once. The time before them counts, so that the average rate holds.
    pub async fn wait(&self, count: u32) {
        if !self.is_limited() {
            return;
        }
        let _turn = self.turn.lock().await;
        loop {
            let admitted = self.controller().admit(self.origin.elapsed(), count);
            let Err(later) = admitted else { return };
            tokio::time::sleep_until(self.origin + later).await;
        }
    }

    /// Whether requests may have to wait.
    pub fn is_limited(&self) -> bool {
        self.controller().is_limited()
    }

    /// The limit of the target in requests per second, once two rejections have shown it: outages show none.
    pub fn limit(&self) -> Option<f64> {
        self.controller().limit()
    }

    /// A response arrived that is no rejection for the rate.
    pub(super) fn accepted(&self) {
        self.controller().accepted(self.origin.elapsed());
    }

    /// The target rejected a request, sent at `sent`, because of the rate, or because it is away if it `may_be_away`.
    pub(super) fn rejected(&self, sent: Instant, retry_after: Option<Duration>, may_be_away: bool) {
        let sent = sent.saturating_duration_since(self.origin);
        self.controller().rejected(self.origin.elapsed(), sent, retry_after, may_be_away);
    }

    fn controller(&self) -> MutexGuard<'_, RateController> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
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
            pacing.wait(1).await;
        }
        assert!(start.elapsed() >= Duration::from_millis(50));
    }
}
