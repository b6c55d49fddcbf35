using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Expressions;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// An on-demand feature, resolved: an expression over so many features and, behind them, so many fields of the request. A pure function, so that serving and
/// training compute the same from the same inputs.
/// </summary>
public sealed class OnDemandPlan
{
    private readonly CompiledExpression _expression;

    internal OnDemandPlan(
        string name, FieldType type, CompiledExpression expression, ImmutableArray<(EntityPlan Entity, FeaturePlan Feature)> inputs, ImmutableArray<FieldDefinition> request)
    {
        Name = name;
        Type = type;
        _expression = expression;
        Inputs = inputs;
        Request = request;
    }

    /// <summary>How selections name it, and what answers call it.</summary>
    public string Name { get; }

    public FieldType Type { get; }

    /// <summary>The features that it computes with.</summary>
    public ImmutableArray<(EntityPlan Entity, FeaturePlan Feature)> Inputs { get; }

    /// <summary>The fields of the request that it computes with.</summary>
    public ImmutableArray<FieldDefinition> Request { get; }

    /// <summary>
    /// The value from its inputs. An input without a value is null to the expression, which may have an answer to that (<c>has(x)</c>); where it has none, the
    /// input's status says why there is no value. What live state cannot tell (OUTSIDE_RETENTION, INVALID) is never taken for null: the value would be another
    /// one once it can be told.
    /// </summary>
    /// <param name="fields">The inputs' values, and behind them those of the request.</param>
    /// <param name="inputs">How the features among them are to be understood.</param>
    internal FeatureValue Compute(ReadOnlySpan<Value> fields, in InputStatuses inputs)
    {
        if (inputs.Missing is FeatureStatus.OutsideRetention or FeatureStatus.Invalid)
        {
            return FeatureValue.Without(inputs.Missing);
        }

        Value value = _expression.Evaluate(fields);
        if (value.IsNull)
        {
            return FeatureValue.Without(inputs.Missing);
        }

        Value typed = Type == FieldType.Double && value.Type == FieldType.Int64 ? Value.Of((double)value.Int64) : value;
        return new FeatureValue(inputs.IsApproximate ? FeatureStatus.Approximate : FeatureStatus.Present, typed, null);
    }
}

/// <summary>What the statuses of several inputs say together: why a value is missing at all, and whether any of them is blurred.</summary>
internal struct InputStatuses
{
    public InputStatuses() => Missing = FeatureStatus.NullValue;

    /// <summary>Of the inputs that have no value, the status that says most about why: NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE, OUTSIDE_RETENTION, INVALID.</summary>
    public FeatureStatus Missing { get; private set; }

    public bool IsApproximate { get; private set; }

    public void Add(FeatureStatus status)
    {
        IsApproximate |= status == FeatureStatus.Approximate;
        Missing = RankOf(status) > RankOf(Missing) ? status : Missing;
    }

    private static int RankOf(FeatureStatus status) => status switch
    {
        FeatureStatus.NotFound => 1,
        FeatureStatus.OutsideMaxAge => 2,
        FeatureStatus.OutsideRetention => 3,
        FeatureStatus.Invalid => 4,
        _ => 0,
    };
}
