//! What is wrong with a certificate, by the numbers of OpenSSL's `X509_V_ERR_*` (`man 1 verify`), which `ssl_c_verify`,
//! `crt-ignore-err` and `ca-ignore-err` speak.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

/// Nothing is wrong.
pub const OK: u8 = 0;
/// The highest number that the configuration may name.
pub const LAST: u8 = 94;

const UNSPECIFIED: u8 = 1;
const UNABLE_TO_GET_CRL: u8 = 3;
const SIGNATURE_FAILURE: u8 = 7;
const NOT_YET_VALID: u8 = 9;
const EXPIRED: u8 = 10;
const CRL_EXPIRED: u8 = 12;
const NO_LOCAL_ISSUER: u8 = 20;
const REVOKED: u8 = 23;
const INVALID_PURPOSE: u8 = 26;
const REJECTED: u8 = 28;
const HOSTNAME_MISMATCH: u8 = 62;

/// The number of what is wrong.
pub fn of(error: &Error) -> u8 {
    let Error::InvalidCertificate(error) = error else {
        return UNSPECIFIED;
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => EXPIRED,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => NOT_YET_VALID,
        CertificateError::Revoked => REVOKED,
        CertificateError::UnknownIssuer => NO_LOCAL_ISSUER,
        CertificateError::BadSignature => SIGNATURE_FAILURE,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => INVALID_PURPOSE,
        CertificateError::UnknownRevocationStatus => UNABLE_TO_GET_CRL,
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => CRL_EXPIRED,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => HOSTNAME_MISMATCH,
        CertificateError::ApplicationVerificationFailure => REJECTED,
        _ => UNSPECIFIED,
    }
}

/// How many authorities above a certificate the error is, as far as that shows: zero for the certificate itself. `above` authorities
/// were shown with it.
pub fn depth(error: u8, certificate: &[u8], above: usize, now: UnixTime) -> u8 {
    let itself = match error {
        EXPIRED | NOT_YET_VALID => !is_valid(certificate, now),
        NO_LOCAL_ISSUER => above == 0,
        _ => true,
    };
    if itself {
        0
    } else {
        u8::try_from(above.max(1)).unwrap_or(u8::MAX)
    }
}

/// A certificate that is itself among the trusted ones needs nobody to vouch for it, be it made out by an authority or not.
///
/// # Errors
/// The first thing that is wrong all the same: its dates.
pub fn trusted(
    certificate: &CertificateDer<'_>,
    authorities: &[CertificateDer<'_>],
    now: UnixTime,
) -> Option<Result<(), Error>> {
    authorities
        .contains(certificate)
        .then(|| match is_valid(certificate, now) {
            true => Ok(()),
            false => Err(CertificateError::Expired.into()),
        })
}

fn is_valid(certificate: &[u8], now: UnixTime) -> bool {
    let now = i64::try_from(now.as_secs())
        .ok()
        .and_then(|now| ASN1Time::from_timestamp(now).ok());
    let parsed = X509Certificate::from_der(certificate).ok();
    parsed
        .zip(now)
        .is_some_and(|((_, certificate), now)| certificate.validity().is_valid_at(now))
}

/// A set of such numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored(u128);

impl Ignored {
    /// `all`
    pub const ALL: Ignored = Ignored(u128::MAX);

    /// Reads `all` or a list of numbers.
    ///
    /// # Errors
    /// The word that is no such number, as a number.
    pub fn parse(list: &str) -> Result<Ignored, i64> {
        if list == "all" {
            return Ok(Ignored::ALL);
        }
        let mut set = 0;
        for word in list.split(',') {
            let number: i64 = word.parse().unwrap_or(0);
            if !(1..=i64::from(LAST)).contains(&number) {
                return Err(number);
            }
            set |= 1 << number;
        }
        Ok(Ignored(set))
    }

    /// Is the number in the set?
    pub fn has(self, number: u8) -> bool {
        number < 128 && self.0 & (1 << number) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_errors_are_read() {
        assert!(Ignored::parse("all").is_ok_and(|set| set.has(EXPIRED)));
        assert!(
            Ignored::parse("10,20").is_ok_and(|set| set.has(EXPIRED) && set.has(NO_LOCAL_ISSUER) && !set.has(REVOKED))
        );
        assert_eq!(Ignored::parse("foo"), Err(0));
        assert_eq!(Ignored::parse("10,999"), Err(999));
        assert!(!Ignored::default().has(OK));
    }
}
