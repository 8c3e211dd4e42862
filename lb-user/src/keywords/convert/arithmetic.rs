//! Arithmetic and bits of 64-bit integers. Results stay within the type instead of wrapping around.

use super::works;
use crate::rules::{Arg, ArgKind, ArgSpec, Args, Convert, ConvertRow, Facts, Kind, Value};

const OPERAND: &[ArgSpec] = &[ArgSpec::required(ArgKind::Operand, "value")];

pub(super) const ROWS: &[ConvertRow] = &[
    works(
        &["add"],
        "(<value>)",
        "Adds an integer, or that of a variable.",
        "int(5),add(txn.seven) # 12",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, i64::saturating_add)
        })
        .with(OPERAND),
    ),
    works(
        &["sub"],
        "(<value>)",
        "Subtracts an integer, or that of a variable.",
        "int(5),sub(7) # -2",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, i64::saturating_sub)
        })
        .with(OPERAND),
    ),
    works(
        &["mul"],
        "(<value>)",
        "Multiplies by an integer, or by that of a variable.",
        "int(5),mul(-7) # -35",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, i64::saturating_mul)
        })
        .with(OPERAND),
    ),
    works(
        &["div"],
        "(<value>)",
        "Divides by an integer, or by that of a variable; by zero gives the largest integer.",
        "int(17),div(5) # 3",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(
                args,
                value,
                f,
                |a, b| if b == 0 { i64::MAX } else { a.saturating_div(b) },
            )
        })
        .with(OPERAND),
    ),
    works(
        &["mod"],
        "(<value>)",
        "The remainder of a division by an integer, or by that of a variable; by zero it is zero.",
        "int(17),mod(5) # 2",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) })
        })
        .with(OPERAND),
    ),
    works(
        &["and"],
        "(<value>)",
        "Keeps the bits that an integer, or that of a variable, has too.",
        "int(12),and(10) # 8",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, |a, b| a & b)
        })
        .with(OPERAND),
    ),
    works(
        &["or"],
        "(<value>)",
        "Adds the bits of an integer, or of that of a variable.",
        "int(12),or(10) # 14",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, |a, b| a | b)
        })
        .with(OPERAND),
    ),
    works(
        &["xor"],
        "(<value>)",
        "Flips the bits that an integer, or that of a variable, has.",
        "int(12),xor(10) # 6",
        Convert::new(Kind::Int, Kind::Int, |args, value, f| {
            binary(args, value, f, |a, b| a ^ b)
        })
        .with(OPERAND),
    ),
    works(
        &["cpl"],
        "",
        "Flips all bits.",
        "int(5),cpl # -6",
        Convert::new(Kind::Int, Kind::Int, |_, value, _| unary(value, |n| Value::Int(!n))),
    ),
    works(
        &["neg"],
        "",
        "The integer with the other sign.",
        "int(5),neg # -5",
        Convert::new(Kind::Int, Kind::Int, |_, value, _| {
            unary(value, |n| Value::Int(n.saturating_neg()))
        }),
    ),
    works(
        &["not"],
        "",
        "Is the integer zero?",
        "int(5),not # 0",
        Convert::new(Kind::Int, Kind::Bool, |_, value, _| {
            unary(value, |n| Value::Bool(n == 0))
        }),
    ),
    works(
        &["bool"],
        "",
        "Is the integer another one than zero?",
        "int(5),bool # 1",
        Convert::new(Kind::Int, Kind::Bool, |_, value, _| {
            unary(value, |n| Value::Bool(n != 0))
        }),
    ),
    works(
        &["odd"],
        "",
        "Is the integer odd?",
        "int(5),odd # 1",
        Convert::new(Kind::Int, Kind::Bool, |_, value, _| {
            unary(value, |n| Value::Bool(n & 1 == 1))
        }),
    ),
    works(
        &["even"],
        "",
        "Is the integer even?",
        "int(5),even # 0",
        Convert::new(Kind::Int, Kind::Bool, |_, value, _| {
            unary(value, |n| Value::Bool(n & 1 == 0))
        }),
    ),
];

fn unary<'a>(value: Value<'a>, apply: fn(i64) -> Value<'a>) -> Option<Value<'a>> {
    value.as_int().map(apply)
}

fn binary<'a>(args: &Args, value: Value<'a>, facts: &Facts<'a>, apply: fn(i64, i64) -> i64) -> Option<Value<'a>> {
    let operand = match args.get(0) {
        Arg::Int(number) => *number,
        Arg::Variable(variable) => facts.variable(variable)?.as_int()?,
        _ => return None,
    };
    Some(Value::Int(apply(value.as_int()?, operand)))
}
