using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Gateway.Ingest;

/// <summary>Stated arrival times lie within the times that events may have.</summary>
internal static class ArrivalTimes
{
    public static EventRefusal? Refuse(long micros) => micros is >= Domain.Limits.EventTimeMinMicros and < Domain.Limits.EventTimeMaxMicros
        ? null
        : new EventRefusal("arrival_time", $"{micros} is not between 1970-01-01 and 2100-01-01", "send microseconds since 1970 in UTC, or RFC 3339; check the producer's unit");
}
