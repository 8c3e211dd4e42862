//! Tables as their users see them, and against a model.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::{DataType, Key, KeyType, StickTable, Table};

fn sized(size: u64, expire_ms: Option<u64>) -> StickTable {
    StickTable {
        expire: expire_ms.map(Duration::from_millis),
        store: vec![
            (DataType::Gpc0, None),
            (DataType::ConnRate, Some(Duration::from_secs(1))),
            (DataType::BytesOutCnt, None),
            (DataType::ServerKey, None),
        ],
        ..StickTable::new("t", KeyType::Integer, size)
    }
}

fn key(table: &Table, number: u32) -> Key {
    Key::new(table.spec(), &number.to_be_bytes())
}

fn gpc0(table: &Table, number: u32, now_ms: u64) -> Option<u64> {
    table.read(&key(table, number), now_ms * 1_000, |entry| {
        entry.get(DataType::Gpc0).unwrap_or(0)
    })
}

fn set(table: &Table, number: u32, value: u64, now_ms: u64) -> bool {
    table
        .update_or_insert(&key(table, number), now_ms * 1_000, |entry| {
            entry.set(DataType::Gpc0, value)
        })
        .is_some()
}

#[test]
fn data_keeps_its_type() {
    let table = Table::new(sized(10, None));
    let key = key(&table, 1);
    let ms = 1_000;
    table.update_or_insert(&key, 1_000 * ms, |entry| {
        assert!(entry.set(DataType::Gpc0, 99_999_999_999));
        assert!(entry.add(DataType::BytesOutCnt, 99_999_999_999));
        assert!(entry.add(DataType::BytesOutCnt, 1));
        assert!(entry.add(DataType::ConnRate, 4));
        assert!(entry.set_server_key("srv1"));
        assert!(!entry.add(DataType::Gpt0, 1), "not stored");
        assert!(!entry.set(DataType::ServerKey, 1), "not a number");
    });
    table.read(&key, 1_500 * ms, |entry| {
        assert_eq!(entry.get(DataType::Gpc0), Some(1_215_752_191));
        assert_eq!(entry.get(DataType::BytesOutCnt), Some(100_000_000_000));
        assert_eq!(entry.get(DataType::ConnRate), Some(4));
        assert_eq!(entry.get(DataType::Gpt0), None);
        assert_eq!(entry.server_key().as_deref(), Some("srv1"));
    });
    let faded = table.read(&key, 2_500 * ms, |entry| entry.get(DataType::ConnRate));
    assert_eq!(faded, Some(Some(2)));
}

#[test]
fn an_entry_lives_from_its_last_update_not_from_its_last_look() {
    let table = Table::new(sized(10, Some(100)));
    assert!(set(&table, 1, 7, 0));
    assert_eq!(gpc0(&table, 1, 99), Some(7));
    assert_eq!(gpc0(&table, 1, 100), None);
    assert!(set(&table, 1, 8, 100));
    assert!(set(&table, 1, 9, 150));
    assert_eq!(gpc0(&table, 1, 249), Some(9));
    table.sweep(250_000);
    assert_eq!(table.used(), 0);
}

#[test]
fn a_full_table_gives_up_its_oldest_entry_unless_told_not_to() {
    let table = Table::new(sized(3, None));
    for number in 1..=3 {
        assert!(set(&table, number, number.into(), 0));
    }
    assert!(set(&table, 1, 10, 1));
    assert!(set(&table, 4, 4, 2));
    assert_eq!(
        [1, 2, 3, 4].map(|n| gpc0(&table, n, 3)),
        [Some(10), None, Some(3), Some(4)]
    );

    let table = Table::new(StickTable {
        nopurge: true,
        ..sized(2, Some(100))
    });
    assert!(set(&table, 1, 1, 0) && set(&table, 2, 2, 50));
    assert!(!set(&table, 3, 3, 60));
    assert!(set(&table, 3, 3, 120), "the first has expired");
    assert_eq!([1, 2, 3].map(|n| gpc0(&table, n, 121)), [None, Some(2), Some(3)]);
}

#[test]
fn a_tracked_entry_stays() {
    let table = Arc::new(Table::new(sized(2, Some(100))));
    let one = key(&table, 1);
    let tracked = table.track(&one, 0, |_| {}).expect("room");
    assert_eq!(table.read(&one, 0, |entry| entry.uses()), Some(1));
    assert!(set(&table, 2, 2, 10) && set(&table, 3, 3, 20));
    assert_eq!(gpc0(&table, 2, 21), None);
    table.sweep(500_000);
    assert_eq!(table.used(), 1);
    assert!(!table.remove(&one));
    assert_eq!(table.remove_if(500_000, |_| true), 0);
    tracked.update(550_000, |entry| entry.add(DataType::Gpc0, 1));
    drop(tracked);
    assert_eq!(gpc0(&table, 1, 649), Some(1));
    assert!(table.remove(&one));
    assert_eq!(table.used(), 0);
}

#[test]
fn an_entry_lives_on_from_the_end_of_its_tracking() {
    let table = Arc::new(Table::new(sized(2, Some(100))));
    let tracked = table.track(&key(&table, 1), 0, |_| {}).expect("room");
    table.sweep(450_000);
    drop(tracked);
    assert_eq!(gpc0(&table, 1, 549), Some(0));
    assert_eq!(gpc0(&table, 1, 550), None);
}

#[test]
fn all_entries_can_be_tracked_at_once() {
    let table = Arc::new(Table::new(sized(2, None)));
    let tracked: Vec<_> = (1..=2)
        .filter_map(|n| table.track(&key(&table, n), 0, |_| {}))
        .collect();
    assert_eq!(tracked.len(), 2);
    assert!(table.track(&key(&table, 3), 0, |_| {}).is_none());
    assert!(table.track(&key(&table, 2), 0, |_| {}).is_some());
}

#[test]
fn a_large_table_holds_what_it_is_configured_for() {
    let size = 70_000;
    let table = Table::new(sized(size, None));
    for number in 0..size as u32 + 1_000 {
        assert!(set(&table, number, 1, number.into()));
    }
    assert_eq!(table.used(), size);
    let mut seen = 0;
    table.for_each(0, |_| seen += 1);
    assert_eq!(seen, size);
}

#[test]
fn workers_share_a_table() {
    let table = Arc::new(Table::new(sized(1_000, None)));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..1_000 {
                    let key = key(&table, round % 10);
                    table.update_or_insert(&key, 0, |entry| entry.add(DataType::Gpc0, 1));
                }
            });
        }
    });
    assert_eq!((0..10).filter_map(|n| gpc0(&table, n, 0)).sum::<u64>(), 4_000);
}

/// What the model is told to do; times pass between the steps.
#[derive(Clone, Debug)]
enum Step {
    Set(u32),
    Read(u32),
    Remove(u32),
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        4 => (0..12u32).prop_map(Step::Set),
        3 => (0..12u32).prop_map(Step::Read),
        1 => (0..12u32).prop_map(Step::Remove),
        1 => Just(Step::Sweep),
    ];
    proptest::collection::vec((0..40u64, step), 0..200)
}

proptest! {
    /// A list of keys in the order of their last use says the same as the table does.
    #[test]
    fn a_table_is_a_list_by_last_use(steps in steps()) {
        let (size, expire) = (6, 100);
        let table = Table::new(sized(size as u64, Some(expire)));
        let mut model: Vec<(u32, u64)> = Vec::new();
        let mut now = 0;
        for (pause, step) in steps {
            now += pause;
            let live = |model: &mut Vec<(u32, u64)>| model.retain(|(_, used)| used + expire > now);
            match step {
                Step::Set(number) => {
                    let before = model.len();
                    model.retain(|(held, _)| *held != number);
                    if before == model.len() && model.len() >= size {
                        live(&mut model);
                        if model.len() >= size {
                            model.remove(0);
                        }
                    }
                    model.push((number, now));
                    prop_assert!(set(&table, number, now, now));
                }
                Step::Read(number) => {
                    let expected = model.iter().find(|(held, used)| *held == number && used + expire > now);
                    prop_assert_eq!(gpc0(&table, number, now), expected.map(|(_, used)| *used));
                }
                Step::Remove(number) => {
                    model.retain(|(held, _)| *held != number);
                    prop_assert!(table.remove(&key(&table, number)));
                }
                Step::Sweep => {
                    live(&mut model);
                    table.sweep(now * 1_000);
                    prop_assert_eq!(table.used(), model.len() as u64);
                }
            }
        }
    }
}
