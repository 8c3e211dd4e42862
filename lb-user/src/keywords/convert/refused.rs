//! Converters of the language that this version refuses by name.

use super::refused;
use crate::rules::ConvertRow;

pub(super) const ROWS: &[ConvertRow] = &[
    refused(
        &["51d.single"],
        "(<prop>[,<prop>*])",
        "Properties of the client's device, from a vendor's library.",
    ),
    refused(
        &["debug"],
        "([<prefix][,<destination>])",
        "Shows what passes through in an event sink.",
    ),
];
