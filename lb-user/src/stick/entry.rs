//! What an entry holds: typed access to its words.

use std::sync::Arc;

use lb_common::rate::Rate;
use lb_common::stick::Denied;

use super::dictionary::Dictionary;
use super::key::Key;
use super::layout::{Field, Layout};
use super::spec::{DataKind, DataType};

/// An entry while its shard is locked. `now` is fixed for as long.
pub struct Entry<'a> {
    pub(super) key: &'a Key,
    pub(super) data: &'a mut [u64],
    /// What the kernel denied, beside `data`.
    pub(super) denied: Denied,
    pub(super) layout: &'a Layout,
    pub(super) dictionary: &'a Dictionary,
    /// Milliseconds of the monotonic clock.
    pub(super) now: u64,
    pub(super) id: u64,
    pub(super) uses: u32,
    /// Milliseconds until it expires; 0 when it never does.
    pub(super) expires_in: u64,
}

impl Entry<'_> {
    /// What it is kept under.
    pub fn key(&self) -> &Key {
        self.key
    }

    /// A number that tells it from others, the same for as long as the process runs.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many streams track it.
    pub fn uses(&self) -> u32 {
        self.uses
    }

    /// Milliseconds until it expires, 0 when it never does.
    pub fn expires_in(&self) -> u64 {
        self.expires_in
    }

    /// Everything the table stores, in the order `show table` prints it.
    pub fn fields(&self) -> &[Field] {
        self.layout.fields()
    }

    /// A number or the rate now; `None` where the table does not store `kind` or it is no number.
    pub fn get(&self, kind: DataType) -> Option<u64> {
        let field = self.layout.field(kind)?;
        match kind.kind() {
            DataKind::Number if kind == DataType::ConnCnt => {
                let number = self.data.get(field.at)?.wrapping_add(self.denied.conn_cnt);
                Some(u64::from(number as u32))
            }
            DataKind::Number | DataKind::Long => self.data.get(field.at).copied(),
            DataKind::Rate => {
                let rate = self.rate(field)?.read(field.period, self.now);
                let denied = match kind {
                    DataType::ConnRate => self.denied.rate().read(field.period, self.now),
                    _ => 0,
                };
                Some(rate.saturating_add(denied).into())
            }
            DataKind::Text => None,
        }
    }

    /// Counts `n` events. Numbers of 32 bits wrap, as the peer's do. `false` where the table does not store `kind`.
    pub fn add(&mut self, kind: DataType, n: u64) -> bool {
        let Some(field) = self.layout.field(kind) else {
            return false;
        };
        if kind.kind() == DataKind::Rate {
            return match self.rate(field) {
                Some(mut rate) => {
                    rate.add(u32::try_from(n).unwrap_or(u32::MAX), field.period, self.now);
                    self.put(field, rate)
                }
                None => false,
            };
        }
        match self.data.get(field.at) {
            Some(value) => self.put_number(field, value.wrapping_add(n)),
            None => false,
        }
    }

    /// Counts `n` events in a counter and in its rate, where they are stored.
    pub fn count(&mut self, count: DataType, rate: DataType, n: u64) {
        self.add(count, n);
        self.add(rate, n);
    }

    /// Takes `n` away again, not below zero (`conn_cur`).
    pub fn subtract(&mut self, kind: DataType, n: u64) -> bool {
        match self.get(kind) {
            Some(value) => self.set(kind, value.saturating_sub(n)),
            None => false,
        }
    }

    /// Makes it `value`; a rate reads `value` from now on. `false` where the table does not store `kind`.
    pub fn set(&mut self, kind: DataType, value: u64) -> bool {
        let Some(field) = self.layout.field(kind) else {
            return false;
        };
        if matches!(kind, DataType::ConnCnt | DataType::ConnRate) {
            self.take_over_denied();
        }
        match kind.kind() {
            DataKind::Number | DataKind::Long => self.put_number(field, value),
            DataKind::Rate => {
                let mut rate = Rate::default();
                rate.set(u32::try_from(value).unwrap_or(u32::MAX), self.now);
                self.put(field, rate)
            }
            DataKind::Text => false,
        }
    }

    /// Puts the words of a type back as they were.
    pub(super) fn restore(&mut self, kind: DataType, [first, second]: [u64; 2]) {
        if let Some(field) = self.layout.field(kind) {
            self.store(field.at, first);
            if kind.kind() == DataKind::Rate {
                self.store(field.at + 1, second);
            }
        }
    }

    /// The server's name or address kept here.
    pub fn server_key(&self) -> Option<Arc<str>> {
        let field = self.layout.field(DataType::ServerKey)?;
        self.dictionary.text(*self.data.get(field.at)?)
    }

    /// Keeps a server's name or address. `false` where the table stores none.
    pub fn set_server_key(&mut self, key: &str) -> bool {
        match self.layout.field(DataType::ServerKey) {
            Some(field) => self.store(field.at, self.dictionary.number(key)),
            None => false,
        }
    }

    /// Makes what the kernel denied part of the entry's own numbers: the kernel begins anew with the next generation.
    fn take_over_denied(&mut self) {
        if self.denied.generation == 0 {
            return;
        }
        let denied = std::mem::take(&mut self.denied);
        self.add(DataType::ConnCnt, denied.conn_cnt);
        if let Some(field) = self.layout.field(DataType::ConnRate) {
            self.add(DataType::ConnRate, denied.rate().read(field.period, self.now).into());
        }
        if let Some(generation) = self.data.first_mut() {
            *generation += 1;
        }
    }

    fn put_number(&mut self, field: Field, value: u64) -> bool {
        match field.kind.kind() {
            DataKind::Number => self.store(field.at, u64::from(value as u32)),
            _ => self.store(field.at, value),
        }
    }

    fn rate(&self, field: Field) -> Option<Rate> {
        let start = *self.data.get(field.at)?;
        let counts = *self.data.get(field.at + 1)?;
        Some(Rate {
            start,
            current: counts as u32,
            previous: (counts >> 32) as u32,
        })
    }

    fn put(&mut self, field: Field, rate: Rate) -> bool {
        self.store(field.at, rate.start)
            && self.store(field.at + 1, u64::from(rate.previous) << 32 | u64::from(rate.current))
    }

    fn store(&mut self, at: usize, word: u64) -> bool {
        match self.data.get_mut(at) {
            Some(place) => {
                *place = word;
                true
            }
            None => false,
        }
    }
}
