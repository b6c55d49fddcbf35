using OrleansFeatures.Entities.Intake;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Outcomes as the wire says them.</summary>
public static class PushResponses
{
    public static PushResponse Of(ulong sequence, PushOutcome outcome)
    {
        var response = new PushResponse
        {
            Sequence = sequence,
            Accepted = (ulong)outcome.Accepted,
            Duplicates = (ulong)outcome.Duplicates,
            Late = (ulong)outcome.Late,
            Quarantined = (ulong)outcome.Refused,
            Token = TokenOf(outcome),
        };
        response.Results.Capacity = outcome.Results.Length;
        foreach (IntakeResult result in outcome.Results)
        {
            response.Results.Add((EventResult)result);
        }

        foreach (PushRefusal refused in outcome.Refusals)
        {
            response.Refusals.Add(RefusalOf(refused));
        }

        return response;
    }

    public static ConsistencyToken TokenOf(PushOutcome outcome)
    {
        var token = new ConsistencyToken();
        foreach ((int partition, long offset) in outcome.Positions)
        {
            token.Partitions.Add((uint)partition);
            token.Offsets.Add((ulong)offset);
        }

        return token;
    }

    public static Refusal RefusalOf(PushRefusal refused) => new()
    {
        Index = (uint)refused.Index,
        Field = refused.Refusal.Field,
        Reason = refused.Refusal.Reason,
        Fix = refused.Refusal.Fix,
    };
}
