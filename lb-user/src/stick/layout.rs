//! Where an entry keeps each data type that its table stores.

use std::time::Duration;

use super::spec::{DataKind, DataType};

/// One stored type: its first word in an entry's data, and the period of a rate in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub kind: DataType,
    pub at: usize,
    pub period: u64,
}

/// The fields of a table's entries.
#[derive(Clone, Debug)]
pub struct Layout {
    /// In the order they are shown.
    fields: Vec<Field>,
    /// Words in an entry's data.
    pub words: usize,
}

impl Layout {
    /// Lays out the types that a table stores. A type given twice is stored once, as it was given last.
    pub fn new(store: &[(DataType, Option<Duration>)]) -> Layout {
        let mut layout = Layout {
            fields: Vec::new(),
            words: 0,
        };
        for kind in DataType::ALL {
            let Some((_, period)) = store.iter().rev().find(|(stored, _)| *stored == kind) else {
                continue;
            };
            layout.fields.push(Field {
                kind,
                at: layout.words,
                period: period.map_or(0, |period| period.as_millis() as u64),
            });
            layout.words += if kind.kind() == DataKind::Rate { 2 } else { 1 };
        }
        layout
    }

    /// Where `kind` is, if it is stored.
    pub fn field(&self, kind: DataType) -> Option<Field> {
        self.fields.iter().find(|field| field.kind == kind).copied()
    }

    /// All that is stored, in the order `show table` prints it.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_order_and_do_not_overlap() {
        let seconds = |n| Some(Duration::from_secs(n));
        let layout = Layout::new(&[
            (DataType::ConnRate, seconds(10)),
            (DataType::Gpc0, None),
            (DataType::BytesOutCnt, None),
            (DataType::ConnRate, seconds(3)),
        ]);
        let places: Vec<_> = layout.fields().iter().map(|f| (f.kind, f.at, f.period)).collect();
        assert_eq!(
            places,
            [
                (DataType::Gpc0, 0, 0),
                (DataType::ConnRate, 1, 3_000),
                (DataType::BytesOutCnt, 3, 0),
            ]
        );
        assert_eq!(layout.words, 4);
        assert_eq!(layout.field(DataType::Gpt0), None);
    }
}
