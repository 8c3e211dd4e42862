//! Where an entry keeps each data type that its table stores.

use std::mem::offset_of;
use std::time::Duration;

use lb_common::stick::{Entry, WORDS};

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

    /// The same types in the places that the kernel knows.
    pub fn shared(&self) -> Layout {
        let fields = self.fields.iter();
        Layout {
            fields: fields
                .map(|field| Field {
                    at: word(field.kind),
                    ..*field
                })
                .collect(),
            words: WORDS,
        }
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

/// The first word of a type in an entry that the kernel reads.
pub fn word(kind: DataType) -> usize {
    let offset = match kind {
        DataType::ServerId => offset_of!(Entry, server_id),
        DataType::ServerKey => offset_of!(Entry, server_key),
        DataType::Gpt0 => offset_of!(Entry, gpt0),
        DataType::Gpc0 => offset_of!(Entry, gpc0),
        DataType::Gpc0Rate => offset_of!(Entry, gpc0_rate),
        DataType::Gpc1 => offset_of!(Entry, gpc1),
        DataType::Gpc1Rate => offset_of!(Entry, gpc1_rate),
        DataType::ConnCnt => offset_of!(Entry, conn_cnt),
        DataType::ConnRate => offset_of!(Entry, conn_rate),
        DataType::ConnCur => offset_of!(Entry, conn_cur),
        DataType::SessCnt => offset_of!(Entry, sess_cnt),
        DataType::SessRate => offset_of!(Entry, sess_rate),
        DataType::HttpReqCnt => offset_of!(Entry, http_req_cnt),
        DataType::HttpReqRate => offset_of!(Entry, http_req_rate),
        DataType::HttpErrCnt => offset_of!(Entry, http_err_cnt),
        DataType::HttpErrRate => offset_of!(Entry, http_err_rate),
        DataType::HttpFailCnt => offset_of!(Entry, http_fail_cnt),
        DataType::HttpFailRate => offset_of!(Entry, http_fail_rate),
        DataType::BytesInCnt => offset_of!(Entry, bytes_in_cnt),
        DataType::BytesInRate => offset_of!(Entry, bytes_in_rate),
        DataType::BytesOutCnt => offset_of!(Entry, bytes_out_cnt),
        DataType::BytesOutRate => offset_of!(Entry, bytes_out_rate),
    };
    offset / size_of::<u64>()
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
