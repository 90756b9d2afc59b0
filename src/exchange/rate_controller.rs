//! Learns from rejections how many requests per second a target allows.
//!
//! The rate is cut at a rejection and grows again until the next one: first quickly, then so that it stays just below
//! the measured limit for a while. All times are durations since one moment, so that nothing here depends on a clock.

use std::collections::VecDeque;
use std::time::Duration;

/// Number of accepted requests that show the rate before the first rejection.
const RECENT: usize = 32;

/// The lowest rate, in requests per second.
const MIN_RATE: f64 = 1.0;

/// So many rejections in a row cut the rate. A longer streak is a window that has not ended, or an outage: waiting helps, a
/// still lower rate does not.
const MAX_CUTS: u32 = 3;

/// So many rejections in a row without `Retry-After` are an outage, if the target rejects so both because of the rate
/// and because the API is away (503): they show no limit.
const OUTAGE: u32 = 6;

/// The longest pause that a rejection without `Retry-After` causes.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The pause after the second rejection in a row; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Between rejections that are less apart, accepted requests do not show the limit: a window may have just begun.
const MIN_MEASURED: Duration = Duration::from_secs(1);

/// How long a rejection counts for the measurement.
const MARKS: Duration = Duration::from_secs(10);

/// The share of requests that must have waited for the rate, from 0 to 1: otherwise what was accepted shows the speed of
/// the client, and a rejection an outage.
const MIN_DELAYED: f64 = 0.4;

/// How far the rate starts below the measured limit, as a share of it.
const MARGIN: f64 = 0.1;

/// How far the limit lies between the measured rate and the rate at the rejection, from 0 to 1.
const TRUST_IN_RATE: f64 = 0.5;

/// When the growing rate reaches the measured limit, in seconds after the last rejection.
const PLATEAU: f64 = 8.0;

/// While at most so many of the last 32 requests were rejected, the rate stays above [`FLOOR`]: a lower rate would not
/// help against rejections that do not depend on it.
const FEW: u32 = 4;

/// The lowest rate as a share of the average since the first rejection.
const FLOOR: f64 = 0.5;

/// How much later than planned a request may be without delaying the following ones: timers are not exact.
const SLACK: Duration = Duration::from_millis(2);

/// Decides when requests are sent.
#[derive(Debug, Default)]
pub(super) struct RateController {
    /// The rate that is never exceeded on average.
    cap: Option<f64>,
    /// `None` until the target rejects a request.
    learned: Option<Learned>,
    /// The earliest time of the next request.
    next: Duration,
    /// No request is sent before.
    paused_until: Duration,
    /// Number of accepted requests.
    accepted: u64,
    /// Number of requests that waited because of the learned rate.
    delayed: u64,
    /// Whether the next request has waited because of it.
    is_delayed: bool,
    /// The times of the last of them.
    recent: VecDeque<Duration>,
    /// Number of rejections since the last accepted request.
    streak: u32,
    /// What was learned before the streak.
    before: Option<Learned>,
    /// Rejections that begin a measurement, oldest first.
    marks: VecDeque<Mark>,
    /// The first rejection.
    first: Option<Mark>,
    /// A bit for each of the last requests, the newest lowest: whether it was rejected.
    outcomes: u32,
    /// When requests were last admitted at once.
    grouped: Option<Duration>,
}

/// What is known about the limit of the target.
#[derive(Clone, Copy, Debug)]
struct Learned {
    /// Requests per second right after the last rejection.
    rate: f64,
    /// The measured limit.
    limit: Option<f64>,
    /// When the rate was last cut.
    since: Duration,
}

/// A rejection: what is accepted until the next one was allowed in that time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Duration,
    accepted: u64,
    delayed: u64,
}

impl RateController {
    /// Starts without a limit other than `cap` requests per second.
    pub(super) fn new(cap: Option<f64>) -> Self {
        Self { cap, ..Self::default() }
    }

    /// Whether requests may have to wait.
    pub(super) fn is_limited(&self) -> bool {
        self.cap.is_some() || self.learned.is_some() || !self.paused_until.is_zero()
    }

    /// Admits `count` requests at once, or returns when to ask again. The average rate includes the quiet time before
    /// them.
    pub(super) fn admit(&mut self, now: Duration, count: u32) -> Result<(), Duration> {
        let interval = self.interval(now);
        let ready = (self.next + interval * count.saturating_sub(1)).max(self.paused_until);
        if now < ready {
            self.is_delayed |= self.learned(now).is_some_and(|rate| self.cap.is_none_or(|cap| rate < cap));
            return Err(ready);
        }
        if count > 1 {
            // The limit had time to recover before them and rejects some of them: what it accepts meanwhile is less.
            self.marks.clear();
            self.grouped = Some(now);
        }
        self.delayed += u64::from(std::mem::take(&mut self.is_delayed)) * u64::from(count);
        self.next = self.next.max(now.saturating_sub(SLACK)) + interval;
        Ok(())
    }

    /// A response arrived that is no rejection.
    pub(super) fn accepted(&mut self, now: Duration) {
        self.accepted += 1;
        self.outcomes <<= 1;
        self.streak = 0;
        if self.learned.is_none() {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(now);
        }
    }

    /// The target rejected a request that was sent at `sent`, and requested a wait if it sent `Retry-After`. With
    /// `may_be_away` the API may also be away.
    pub(super) fn rejected(&mut self, now: Duration, sent: Duration, retry_after: Option<Duration>, may_be_away: bool) {
        self.outcomes = self.outcomes << 1 | 1;
        let mark = self.mark(now);
        self.first.get_or_insert(mark);
        let pause = retry_after.filter(|wait| !wait.is_zero());
        if let Some(pause) = pause {
            self.paused_until = self.paused_until.max(now + pause);
        }
        // Requests that were in flight when the rate was cut do not show that the new rate is too high.
        if self.learned.is_some_and(|learned| sent < learned.since) {
            return;
        }
        if self.streak == 0 {
            self.before = self.learned;
        }
        self.streak += 1;
        // The target says that it needs no pause. Another rejection at once shows that it does.
        if self.streak == 1 && retry_after == Some(Duration::ZERO) {
            self.next = now;
            return;
        }
        if self.streak > 1 && pause.is_none() {
            let pause = FIRST_PAUSE * 2_u32.saturating_pow((self.streak - 2).min(10));
            self.paused_until = self.paused_until.max(now + pause.min(MAX_PAUSE));
        }
        if may_be_away && retry_after.is_none() && self.streak >= OUTAGE {
            self.learned = self.before;
            self.marks.clear();
            return;
        }
        if self.streak <= MAX_CUTS || self.learned.is_none() {
            self.cut(now);
        }
        self.next = self.next.max(now + self.interval(now));
        if self.streak <= 2 {
            self.marks.retain(|mark| now.saturating_sub(mark.at) <= MARKS);
            self.marks.push_back(mark);
        }
    }

    fn mark(&self, now: Duration) -> Mark {
        Mark { at: now, accepted: self.accepted, delayed: self.delayed }
    }

    /// Lowers the rate to just below the measured limit, or to the half.
    fn cut(&mut self, now: Duration) {
        // Before any accepted request there is no rate: pauses must do.
        let Some(rate) = self.learned(now).or_else(|| self.recent_rate(now)) else { return };
        let known = self.learned.and_then(|learned| learned.limit);
        let is_grouped = self.grouped.is_some_and(|at| now.saturating_sub(at) <= MARKS);
        let kept = known.filter(|_| is_grouped);
        let measured = kept.or_else(|| self.measured(now));
        let cut = match measured {
            Some(limit) => (limit * (1.0 - MARGIN)).clamp(rate / 2.0, rate).max(limit / 2.0),
            None => rate / 2.0,
        };
        let average = self.first.and_then(|first| self.accepted_since(first, now));
        let floor = average.filter(|_| self.outcomes.count_ones() <= FEW).map_or(MIN_RATE, |average| average * FLOOR);
        let cut = cut.max(floor.min(rate)).max(MIN_RATE);
        // The bucket may have been empty meanwhile, so that the limit may be higher, but hardly above this rate.
        let limit = measured.map(|limit| limit + (rate - limit) * TRUST_IN_RATE);
        let limit = kept.or(limit).or(known);
        self.learned = Some(Learned { rate: cut, limit, since: now });
    }

    /// The limit of the target in requests per second, if two rejections have shown it.
    pub(super) fn limit(&self) -> Option<f64> {
        self.learned?.limit
    }

    /// The time between two requests.
    fn interval(&self, now: Duration) -> Duration {
        let rate = self.learned(now).into_iter().chain(self.cap).min_by(f64::total_cmp);
        rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate))
    }

    /// The present rate, if the target has a limit.
    fn learned(&self, now: Duration) -> Option<f64> {
        let Learned { rate, limit, since } = self.learned?;
        let passed = now.saturating_sub(since.max(self.paused_until)).as_secs_f64();
        Some(match limit {
            None => rate * passed.min(20.0).exp2(),
            Some(limit) => (limit * (1.0 + MARGIN * ((passed - PLATEAU) / PLATEAU).powi(3))).max(rate),
        })
    }

    /// The rate of the last accepted requests.
    fn recent_rate(&self, now: Duration) -> Option<f64> {
        let passed = now.saturating_sub(*self.recent.front()?).max(Duration::from_millis(1));
        Some(self.recent.len() as f64 / passed.as_secs_f64())
    }

    /// Requests per second that were accepted since an earlier rejection, if the rate delayed most of them. With a limit
    /// that fills up like a bucket, the bucket was full then and is full now, so that it is at most the limit.
    fn measured(&self, now: Duration) -> Option<f64> {
        let is_delayed = |mark: &&Mark| {
            (self.delayed - mark.delayed) as f64 >= MIN_DELAYED * self.accepted.saturating_sub(mark.accepted) as f64
        };
        let marks = self.marks.iter().filter(is_delayed);
        marks.filter_map(|mark| self.accepted_since(*mark, now)).max_by(f64::total_cmp)
    }

    /// Accepted requests per second since `mark`, if that is long enough ago.
    fn accepted_since(&self, mark: Mark, now: Duration) -> Option<f64> {
        let passed = now.checked_sub(mark.at).filter(|passed| *passed >= MIN_MEASURED)?;
        let accepted = self.accepted.saturating_sub(mark.accepted).saturating_sub(1);
        (accepted > 0).then(|| accepted as f64 / passed.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit of `rate` requests per second that tolerates `burst` requests more, as nginx's `limit_req`.
    struct Bucket {
        rate: f64,
        burst: f64,
        excess: f64,
        last: Duration,
    }

    impl Bucket {
        fn allows(&mut self, now: Duration) -> bool {
            let drained = self.rate * now.saturating_sub(self.last).as_secs_f64();
            let excess = (self.excess - drained).max(-1.0) + 1.0;
            let allows = excess <= self.burst + 1e-9;
            if allows {
                (self.excess, self.last) = (excess, now);
            }
            allows
        }
    }

    /// A limit of `count` requests in each window.
    struct Window {
        length: Duration,
        count: u32,
        number: u128,
        used: u32,
    }

    impl Window {
        fn allows(&mut self, now: Duration) -> bool {
            let number = now.as_nanos() / self.length.as_nanos();
            if number != self.number {
                (self.number, self.used) = (number, 0);
            }
            self.used += 1;
            self.used <= self.count
        }
    }

    /// What a simulated client achieved.
    #[derive(Debug)]
    struct Achieved {
        /// Accepted requests per second after the first ten seconds.
        rate: f64,
        /// Rejected requests among all.
        rejected: f64,
        /// The limit that the controller reports at the end.
        allowed: Option<f64>,
    }

    /// A client that sends one request after another for `seconds`; each takes `latency`.
    fn simulate(
        seconds: u64,
        cap: Option<f64>,
        latency: Duration,
        retry_after: Option<Duration>,
        mut allows: impl FnMut(Duration) -> bool,
    ) -> Achieved {
        let mut controller = RateController::new(cap);
        let (mut now, end) = (Duration::ZERO, Duration::from_secs(seconds));
        let (mut sent, mut rejected, mut late) = (0_u32, 0_u32, 0_u32);
        while now < end {
            if let Err(later) = controller.admit(now, 1) {
                assert!(later > now);
                // A timer fires up to a millisecond late.
                now = later + Duration::from_micros(u64::from(later.subsec_micros()) % 1000);
                continue;
            }
            let begun = now;
            let is_allowed = allows(now + latency / 2);
            now += latency;
            sent += 1;
            if is_allowed {
                controller.accepted(now);
                late += u32::from(now > Duration::from_secs(10));
            } else {
                controller.rejected(now, begun, retry_after, true);
                rejected += 1;
            }
        }
        Achieved {
            rate: f64::from(late) / (seconds - 10) as f64,
            rejected: f64::from(rejected) / f64::from(sent),
            allowed: controller.limit(),
        }
    }

    fn bucket(rate: f64, burst: f64) -> impl FnMut(Duration) -> bool {
        let mut bucket = Bucket { rate, burst, excess: -1.0, last: Duration::ZERO };
        move |now| bucket.allows(now)
    }

    fn window(length: Duration, count: u32) -> impl FnMut(Duration) -> bool {
        let mut window = Window { length, count, number: 0, used: 0 };
        move |now| window.allows(now)
    }

    const FAST: Duration = Duration::from_micros(300);

    #[track_caller]
    fn is_good(achieved: &Achieved, limit: f64) {
        assert!(achieved.rate >= 0.75 * limit, "{limit}: {achieved:?}");
        assert!(achieved.rejected < 0.05, "{limit}: {achieved:?}");
        let allowed = achieved.allowed.expect("the limit was met");
        assert!((0.75 * limit..1.1 * limit).contains(&allowed), "{limit}: {achieved:?}");
    }

    #[test]
    fn a_run_stays_just_below_the_limit_of_a_bucket() {
        for limit in [5.0, 40.0, 60.0, 600.0] {
            // At 600 requests per second without a burst, a timer that fires a millisecond late is a rejection.
            for burst in [0.0, 5.0, 20.0, 200.0].into_iter().filter(|burst| limit < 100.0 || *burst > 0.0) {
                let achieved = simulate(180, None, FAST, None, bucket(limit, burst));
                is_good(&achieved, limit);
                // `Retry-After: 0` costs a second rejection.
                let achieved = simulate(180, None, FAST, Some(Duration::ZERO), bucket(limit, burst));
                assert!(achieved.rate >= 0.6 * limit && achieved.rejected < 0.05, "{limit} {burst}: {achieved:?}");
            }
        }
    }

    #[test]
    fn requested_pauses_cost_little() {
        for (limit, burst) in [(40.0, 20.0), (60.0, 20.0), (60.0, 60.0), (600.0, 100.0)] {
            let achieved = simulate(120, None, FAST, Some(Duration::from_secs(1)), bucket(limit, burst));
            is_good(&achieved, limit);
        }
    }

    #[test]
    fn windows_are_learned_too() {
        for (length, count) in [(1, 60), (10, 600), (60, 300)] {
            let limit = f64::from(count) / length as f64;
            let achieved = simulate(240, None, FAST, None, window(Duration::from_secs(length), count));
            assert!(achieved.rate >= 0.75 * limit && achieved.rejected < 0.1, "{limit}: {achieved:?}");
        }
    }

    #[test]
    fn a_slow_client_is_not_slowed_down() {
        let achieved = simulate(30, None, Duration::from_millis(20), None, bucket(60.0, 0.0));
        assert!(achieved.rejected == 0.0 && achieved.rate > 49.0 && achieved.allowed.is_none(), "{achieved:?}");
    }

    #[test]
    fn the_rate_never_exceeds_the_cap() {
        let achieved = simulate(30, Some(20.0), FAST, None, |_| true);
        assert!((19.0..=20.1).contains(&achieved.rate), "{achieved:?}");
        let achieved = simulate(60, Some(20.0), FAST, None, bucket(10.0, 5.0));
        assert!((7.5..=10.2).contains(&achieved.rate), "{achieved:?}");
    }

    #[test]
    fn rejections_that_do_not_depend_on_the_rate_do_not_stop_a_run() {
        // Every 29th request, and no pause is needed.
        let mut count = 0;
        let achieved = simulate(20, None, FAST, Some(Duration::ZERO), move |_| {
            count += 1;
            count % 29 != 0
        });
        assert!(achieved.rate > 3000.0 && achieved.allowed.is_none(), "{achieved:?}");
        // A proxy without its backend for half a second.
        for (period, start) in [(3_000, 0), (6_000, 0), (6_000, 500), (12_000, 0), (12_000, 500)] {
            let period = Duration::from_millis(period);
            let achieved = simulate(120, None, Duration::from_millis(5), None, move |now| {
                let phase = (now + Duration::from_millis(start)).as_nanos() % period.as_nanos();
                phase >= Duration::from_millis(500).as_nanos()
            });
            assert!(achieved.rate > 120.0 && achieved.allowed.is_none(), "{period:?} {start}: {achieved:?}");
        }
        // Every tenth request, as by a proxy with one broken backend.
        let mut count = 0;
        let achieved = simulate(120, None, FAST, None, move |_| {
            count += 1;
            count % 10 != 0
        });
        assert!(achieved.rate > 8.0, "{achieved:?}");
    }

    #[test]
    fn a_limit_that_changes_is_learned_again() {
        let (mut before, mut after) = (bucket(200.0, 20.0), bucket(20.0, 20.0));
        let change = Duration::from_mins(1);
        let achieved = simulate(180, None, FAST, None, |now| if now < change { before(now) } else { after(now) });
        let allowed = achieved.allowed.expect("there is a limit");
        assert!(achieved.rejected < 0.05 && (15.0..22.0).contains(&allowed), "{achieved:?}");
    }

    #[test]
    fn requests_at_once_do_not_lower_the_limit() {
        // Races: 24 requests at once, of which the limit rejects some, then one by one to clean up.
        let mut controller = RateController::new(None);
        let mut allows = bucket(40.0, 10.0);
        let mut now = Duration::ZERO;
        let (mut accepted, mut rejected) = (0, 0);
        while now < Duration::from_mins(4) {
            let (count, mut left) = if accepted % 48 < 24 && now > Duration::from_mins(1) { (24, 24) } else { (1, 1) };
            let mut admitted = count;
            while left > 0 {
                while let Err(later) = controller.admit(now, admitted) {
                    now = later;
                }
                let sent = now;
                now += FAST;
                let passed = (0..admitted).filter(|_| allows(sent)).count() as u32;
                (0..admitted - passed).for_each(|_| controller.rejected(now, sent, None, true));
                (0..passed).for_each(|_| controller.accepted(now));
                rejected += admitted - passed;
                (left, accepted, admitted) = (left - passed, accepted + passed, 1);
            }
        }
        let limit = controller.limit().expect("the limit was met");
        assert!((32.0..44.0).contains(&limit), "{limit}, {accepted} accepted, {rejected} rejected");
        assert!(accepted > 240 * 25 && rejected * 4 < accepted, "{accepted} accepted, {rejected} rejected");
    }

    #[test]
    fn requests_at_once_wait_and_do_not_exceed_the_average() {
        let mut controller = RateController::new(Some(10.0));
        let at = |ms| Duration::from_millis(ms);
        assert_eq!(controller.admit(at(1000), 1), Ok(()));
        // Eight requests need the time of eight.
        let Err(ready) = controller.admit(at(1000), 8) else { panic!("they must wait") };
        assert!((at(1790)..=at(1800)).contains(&ready), "{ready:?}");
        assert_eq!(controller.admit(ready, 8), Ok(()));
        assert!(controller.admit(ready + at(90), 1).is_err() && controller.admit(ready + at(100), 1).is_ok());
    }
}
