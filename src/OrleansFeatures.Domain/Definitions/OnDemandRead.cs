using System.Collections.Immutable;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Definitions;

/// <summary>An on-demand feature within one selection: where its inputs stand among what entities answer and what the request brings.</summary>
public sealed class OnDemandRead
{
    private readonly ImmutableArray<int> _features;
    private readonly ImmutableArray<int> _request;

    internal OnDemandRead(OnDemandPlan plan, ImmutableArray<FeaturePlan> features, ImmutableArray<FieldDefinition> request)
    {
        Plan = plan;
        _features = [.. plan.Inputs.Select(input => features.IndexOf(input.Feature))];
        _request = [.. plan.Request.Select(request.IndexOf)];
    }

    public OnDemandPlan Plan { get; }

    /// <summary>How many values <see cref="Compute"/> needs room for.</summary>
    public int FieldCount => _features.Length + _request.Length;

    /// <param name="features">Of one row, as entities answered.</param>
    /// <param name="context">Of the same row, as the request brought it: by request field of the selection.</param>
    /// <param name="scratch">Room for <see cref="FieldCount"/> values.</param>
    public FeatureValue Compute(ReadOnlySpan<FeatureValue> features, ReadOnlySpan<Value> context, Span<Value> scratch)
    {
        var statuses = new InputStatuses();
        for (int index = 0; index < _features.Length; index++)
        {
            ref readonly FeatureValue input = ref features[_features[index]];
            statuses.Add(input.Status);
            scratch[index] = input.HasValue ? input.Scalar : Value.Null;
        }

        for (int index = 0; index < _request.Length; index++)
        {
            scratch[_features.Length + index] = context[_request[index]];
        }

        return Plan.Compute(scratch[..FieldCount], statuses);
    }
}
