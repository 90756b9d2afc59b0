//! Inputs that are prepared together and sent at once.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::json;

use super::inputs::Input;
use super::run::InputRunner;
use super::template::{InputBody, InputSubject};
use crate::contract::Endpoint;
use crate::exchange::{Request, TransportError};
use crate::offerings::oracle::Call;
use crate::offerings::scenario::ScriptResult;
use crate::project::Abort;

impl InputRunner<'_> {
    /// The number of inputs, at least 1, that are prepared together.
    pub(super) fn count_at_once(&self, inputs: &[Input]) -> usize {
        let first = &inputs[0];
        let is_alike = |input: &&Input| {
            let is_about_main = matches!(input.template.subject, InputSubject::Main);
            // Several inputs may need the same id without a prefix: each deletes it before the next.
            let has_prefix = match &input.template.subject {
                InputSubject::Existing(name, _) | InputSubject::Invalid { name, truncated_to: Some(_) } => {
                    self.has_prefix(&self.id_for(input, name))
                }
                _ => true,
            };
            // A server may read from an unusual text what the oracle does not: only a list after it shows what.
            let is_text = matches!(input.template.content, InputBody::Text { .. });
            input.operation == first.operation && has_prefix && !is_about_main && !is_text
        };
        inputs.iter().take(self.cx.at_once()).take_while(is_alike).count().max(1)
    }

    /// Creates what inputs need, then sends them: at once reads and writes that do not depend on each other, and the
    /// others one after another.
    pub(super) async fn run_at_once(&mut self, index: usize, inputs: &[Input]) -> ScriptResult {
        self.locks.clear();
        // One comparison does not separate writes that are accepted from those that are not.
        let (mut without_effect, mut with_effect, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut postponed = Vec::new();
        for (place, input) in (index..).zip(inputs) {
            self.slot =
                if input.template.method == http::Method::GET || input.is_invalid() { 0 } else { place - index };
            let Some(request) = self.prepared(input).await? else { continue };
            if !self.try_lock(&request) {
                postponed.push((place, input));
                continue;
            }
            let group = match &request {
                request if !request.is_write() || self.cx.is_certain_to_fail(request) => &mut without_effect,
                request if self.is_independent(request) => &mut with_effect,
                _ => &mut others,
            };
            group.push((place, input, request));
        }
        self.slot = 0;
        for group in [without_effect, with_effect] {
            let requests: Vec<_> = group.iter().map(|(_, _, request)| request.clone()).collect();
            let exchanges = match self.cx.send_all(&requests).await {
                // A server may close the connection on an unusual request: each read shows whether on its own. After a
                // lost response to a write, the context reads whether it was applied.
                Err(Abort::World(TransportError::Broken { .. })) => {
                    others.splice(..0, group);
                    continue;
                }
                sent => sent?,
            };
            for ((place, input, _), exchange) in group.into_iter().zip(exchanges) {
                self.received(place, input, exchange).await?;
            }
        }
        for (place, input, request) in others {
            self.send(place, input, request).await?;
        }
        for (place, input) in postponed {
            self.run(place, input).await?;
        }
        Ok(())
    }

    /// Creates the offerings that the next inputs need, as far as their ids have the prefix of the case, if one at these
    /// places needs one.
    pub(super) async fn set_up_all(&mut self, places: Range<usize>, inputs: &[Input]) -> ScriptResult {
        let needed = |(place, input): (usize, &Input)| match &input.template.subject {
            InputSubject::Existing(name, _) => Some((self.id_for(input, name), place)),
            _ => None,
        };
        let is_missing = |(id, _): &(String, usize)| self.has_prefix(id) && !self.exists(id);
        let next = (places.start..).zip(inputs).take(self.cx.at_once());
        let missing: BTreeMap<_, _> = next.filter_map(needed).filter(is_missing).collect();
        if !missing.values().any(|place| places.contains(place)) {
            return Ok(());
        }
        if self.cx.state().main().is_none() {
            self.create_other().await?;
        }
        let create = |id: &String| Request::to(Endpoint::Create).json(&json!({ "id": id }));
        let creates: Vec<_> = missing.keys().map(create).collect();
        let created = self.cx.send_all(&creates).await?;
        self.sent.extend(missing.values().copied().zip(created));
        self.set_up.extend(missing.into_keys());
        Ok(())
    }

    /// Whether no other input can change what a write does: it concerns an offering of its own.
    fn is_independent(&self, request: &Request) -> bool {
        let call = Call::read(request).filter(|call| call.endpoint != Endpoint::SetMain);
        call.is_some_and(|call| self.has_prefix(&call.id))
    }

    pub(super) fn has_prefix(&self, id: &str) -> bool {
        id.starts_with(&self.cx.id(""))
    }

    /// Waits until no case that runs at the same time uses `id`, if it has no prefix.
    pub(super) async fn lock(&mut self, id: &str) {
        if let Some(key) = self.key_to_lock(id)
            && let Some(lock) = self.cx.lock(id).await
        {
            self.locks.insert(key, lock);
        }
    }

    /// As [`Self::lock`] without waiting: who holds a lock and waits for another could wait forever. Returns whether the
    /// request can be sent.
    fn try_lock(&mut self, request: &Request) -> bool {
        let id = Call::read(request).map(|call| call.id).unwrap_or_default();
        let Some(neighbours) = self.cx.project().neighbours.as_ref() else { return true };
        let Some(key) = self.key_to_lock(&id) else { return true };
        let lock = neighbours.try_lock(&id);
        let is_free = lock.is_some();
        self.locks.extend(lock.map(|lock| (key, lock)));
        is_free
    }

    /// The key of [`Self::locks`] for an id that is not locked yet but must be.
    fn key_to_lock(&self, id: &str) -> Option<String> {
        let key = id.to_lowercase();
        (!id.is_empty() && !self.has_prefix(id) && !self.locks.contains_key(&key)).then_some(key)
    }
}
