using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>
/// What an event in JSON says of itself beside its fields. The names begin with a sign that no field name may hold, so they never collide with a schema.
/// </summary>
public static class EnvelopeNames
{
    public const string Operation = "@op";

    public const string ArrivalTime = "@arrival_time";

    public const string Producer = "@producer";

    /// <summary>The operations as JSON, files and command lines spell them.</summary>
    public static readonly string[] Operations = ["insert", "upsert", "delete"];

    public static string Of(EventOperation operation) => Operations[(int)operation];

    /// <summary>The operation of that name, in lower or upper case; false if there is none.</summary>
    public static bool TryParse(string text, out EventOperation operation)
    {
        int index = Array.FindIndex(Operations, name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
        operation = (EventOperation)Math.Max(0, index);
        return index >= 0;
    }
}
