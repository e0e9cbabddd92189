//! Amazon Connect Cases (service code `cases`): one line per quota.
//!
//! Columns: code, name as Service Quotas spells it, scope, AWS's default (`None` where AWS publishes
//! none), how it is measured.

#![allow(clippy::enum_glob_use, reason = "a line of the table reads better without paths")]

use super::Listing::*;
use super::Meter::*;
use super::{Category, Meter, Quota, Service};
use crate::domain::Scope;
use crate::domain::Scope::{Account, Resource};

const CASES: &str =
    "only a scan of every case and its related items could tell, which costs calls in proportion to all cases";

const fn quota(code: &'static str, name: &'static str, scope: Scope, default: Option<f64>, meter: Meter) -> Quota {
    Quota::of(Service::Cases, code, name, Category::Cases, scope, default, meter)
}

const fn rate(code: &'static str, name: &'static str, default: Option<f64>) -> Quota {
    Quota::of(Service::Cases, code, name, Category::ApiRates, Account, default, Rate)
}

const fn burst(code: &'static str, name: &'static str, default: Option<f64>) -> Quota {
    Quota::of(Service::Cases, code, name, Category::ApiRates, Account, default, Burst)
}

#[rustfmt::skip]
pub(super) const QUOTAS: &[Quota] = &[
    quota("L-C2B81BC3", "Domains", Account, Some(5.0), Count(CasesDomains)),
    quota("L-C5B69356", "Fields per domain", Resource, Some(500.0), Worst(CasesFields))
        .note("AWS does not say whether system fields count: all are counted"),
    quota("L-0482161A", "Templates per domain", Resource, Some(100.0), Worst(CasesTemplates)),
    quota("L-D0ED993F", "Layouts per domain", Resource, Some(100.0), Worst(CasesLayouts)),
    quota("L-228D6D2D", "Case rules per domain", Resource, None, Worst(CaseRules)),
    quota("L-E52A0E46", "Field options per field", Resource, Some(500.0), Worst(CasesFieldOptions)),
    quota("L-5B5E62BD", "Case fields per layout", Resource, Some(100.0), Worst(CasesLayoutFields)),
    quota("L-8F7DFC0D", "Field options case rules per template", Resource, None, Worst(CasesTemplateRules))
        .note("rules that ListCaseRules names as ones of another type are left out"),
    quota("L-F43DCB55", "Parent field values per field options case rule", Resource, None, WorstIn(CasesRuleValues, "parents")),
    quota("L-435DBDE3", "Child field values per field options case rule", Resource, None, WorstIn(CasesRuleValues, "children")),
    quota("L-C1AF8D37", "Related items per case", Resource, Some(200.0), NotMeasurable(CASES)),
    quota("L-930905B5", "Attached files per case", Resource, Some(50.0), NotMeasurable(CASES)),
    quota("L-A7158118", "Attached SLAs per case", Resource, Some(10.0), NotMeasurable(CASES)),
    quota("L-7D21A319", "Fields per related item", Resource, Some(5.0), NotMeasurable(CASES)),
];

/// Calls per second. Usage is read through the metric that Service Quotas itself names.
#[rustfmt::skip]
pub(super) const RATES: &[Quota] = &[
    rate("L-2C517B14", "BatchGetCaseRule rate quota", Some(8.0)),
    rate("L-2A8092BB", "BatchGetField rate quota", Some(8.0)),
    rate("L-F5011010", "BatchPutFieldOptions rate quota", Some(2.0)),
    rate("L-8FEA710A", "CreateCase rate quota", Some(2.0)),
    rate("L-845575A5", "CreateCaseRule rate quota", Some(2.0)),
    rate("L-9BEF063B", "CreateDomain rate quota", Some(2.0)),
    rate("L-497703F2", "CreateField rate quota", Some(2.0)),
    rate("L-7736E0FB", "CreateLayout rate quota", Some(2.0)),
    rate("L-1F185B9F", "CreateRelatedItem rate quota", Some(2.0)),
    rate("L-26EE2CFC", "CreateTemplate rate quota", Some(2.0)),
    rate("L-05D04EFD", "DeleteCaseRule rate quota", Some(2.0)),
    rate("L-8B6DA341", "GetCase rate quota", Some(4.0)),
    rate("L-6363E76B", "GetCaseAuditEvents rate quota", Some(2.0)),
    rate("L-D69B27B2", "GetCaseEventConfiguration rate quota", Some(2.0)),
    rate("L-FD0EC666", "GetDomain rate quota", Some(2.0)),
    rate("L-E5EE4EDA", "GetLayout rate quota", Some(6.0)),
    rate("L-8AA97C3E", "GetTemplate rate quota", Some(6.0)),
    rate("L-FE18F7CC", "ListCaseRules rate quota", Some(2.0)),
    rate("L-A246B577", "ListCasesForContact rate quota", Some(2.0)),
    rate("L-97677C0C", "ListDomains rate quota", Some(2.0)),
    rate("L-B7E2C410", "ListFieldOptions rate quota", Some(6.0)),
    rate("L-D750A577", "ListFields rate quota", Some(2.0)),
    rate("L-4B3D8F5F", "ListLayouts rate quota", Some(2.0)),
    rate("L-F62E3726", "ListTagsForResource rate quota", Some(2.0)),
    rate("L-1F4F11B7", "ListTemplates rate quota", Some(2.0)),
    rate("L-5462CD7A", "PutCaseEventConfiguration rate quota", Some(2.0)),
    rate("L-0FD7BF6B", "SearchAllRelatedItems rate quota", None),
    rate("L-AA3996A0", "SearchCases rate quota", Some(2.0)),
    rate("L-3B58A5D3", "SearchRelatedItems rate quota", Some(2.0)),
    rate("L-C0E6C678", "TagResource rate quota", Some(2.0)),
    rate("L-515ED5E2", "UntagResource rate quota", Some(2.0)),
    rate("L-6FE92BD9", "UpdateCase rate quota", Some(2.0)),
    rate("L-4DCBEEA7", "UpdateCaseRule rate quota", Some(2.0)),
    rate("L-CC009CC4", "UpdateField rate quota", Some(2.0)),
    rate("L-D69D3749", "UpdateLayout rate quota", Some(2.0)),
    rate("L-B5BE889D", "UpdateTemplate rate quota", Some(2.0)),
];

#[rustfmt::skip]
pub(super) const BURSTS: &[Quota] = &[
    burst("L-648204D1", "BatchGetCaseRule burst quota", Some(25.0)),
    burst("L-D3F1EBFD", "BatchGetField burst quota", Some(25.0)),
    burst("L-A298B896", "BatchPutFieldOptions burst quota", Some(5.0)),
    burst("L-085C6605", "CreateCase burst quota", Some(10.0)),
    burst("L-23C4A953", "CreateCaseRule burst quota", Some(5.0)),
    burst("L-B4BF7E31", "CreateDomain burst quota", Some(5.0)),
    burst("L-F4DAA62B", "CreateField burst quota", Some(5.0)),
    burst("L-FF9E638C", "CreateLayout burst quota", Some(5.0)),
    burst("L-5A125C02", "CreateRelatedItem burst quota", Some(10.0)),
    burst("L-E77680D7", "CreateTemplate burst quota", Some(5.0)),
    burst("L-E017C84B", "DeleteCaseRule burst quota", Some(5.0)),
    burst("L-030EB66B", "DeleteRelatedItem burst quota", None),
    burst("L-7D6B0EAF", "GetCase burst quota", Some(10.0)),
    burst("L-4A51BF9E", "GetCaseAuditEvents burst quota", Some(10.0)),
    burst("L-74EA148C", "GetCaseEventConfiguration burst quota", Some(10.0)),
    burst("L-9B7552E3", "GetDomain burst quota", Some(5.0)),
    burst("L-B3860F14", "GetLayout burst quota", Some(20.0)),
    burst("L-1320C83D", "GetTemplate burst quota", Some(20.0)),
    burst("L-55E43513", "ListCaseRules burst quota", Some(10.0)),
    burst("L-FF304B65", "ListCasesForContact burst quota", Some(2.0)),
    burst("L-3255B73C", "ListDomains burst quota", Some(5.0)),
    burst("L-85809F5E", "ListFieldOptions burst quota", Some(16.0)),
    burst("L-7CF7A4F0", "ListFields burst quota", Some(5.0)),
    burst("L-960AA7D7", "ListLayouts burst quota", Some(10.0)),
    burst("L-4CE16517", "ListTagsForResource burst quota", Some(10.0)),
    burst("L-B3BCA676", "ListTemplates burst quota", Some(10.0)),
    burst("L-D4F270D6", "PutCaseEventConfiguration burst quota", Some(10.0)),
    burst("L-533535BF", "SearchCases burst quota", Some(10.0)),
    burst("L-5E8805C5", "SearchRelatedItems burst quota", Some(10.0)),
    burst("L-1ECD16ED", "TagResource burst quota", Some(10.0)),
    burst("L-AE0F3125", "UntagResource burst quota", Some(10.0)),
    burst("L-1D2B06EC", "UpdateCase burst quota", Some(2.0)),
    burst("L-B5E6891E", "UpdateCaseRule burst quota", Some(5.0)),
    burst("L-A96CA735", "UpdateField burst quota", Some(5.0)),
    burst("L-6743683C", "UpdateLayout burst quota", Some(5.0)),
    burst("L-2AD9F9AD", "UpdateTemplate burst quota", Some(5.0)),
];
