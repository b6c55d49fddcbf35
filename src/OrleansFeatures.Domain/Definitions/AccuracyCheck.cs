namespace OrleansFeatures.Domain.Definitions;

/// <summary>Which accuracies a feature can declare.</summary>
internal static class AccuracyCheck
{
    /// <summary>Null when the accuracy is possible; else which of its keys is wrong, what is wrong with it, and what would be right.</summary>
    public static (string Key, string Message, string Suggestion)? Refuse(AccuracyDefinition accuracy, WindowDefinition window)
    {
        if (accuracy.Hop.Micros is < Limits.HopMinMicros or > Limits.HopMaxMicros)
        {
            return ("hop", $"a hop of {accuracy.Hop} is not possible", $"{new Duration(Limits.HopMinMicros)} to {new Duration(Limits.HopMaxMicros)}");
        }

        if (accuracy.ExactFor < accuracy.Hop || accuracy.ExactFor.Micros > Limits.WindowReachMaxMicros)
        {
            return ("exact_for", $"exact for {accuracy.ExactFor} in hops of {accuracy.Hop} is not possible", $"at least one hop, at most {new Duration(Limits.WindowReachMaxMicros)}");
        }

        return ShortestSpanOf(window) is { } span && accuracy.Hop > span
            ? ("hop", $"a hop of {accuracy.Hop} would blur a window of {window} beyond use", $"at most {span}")
            : null;
    }

    /// <summary>The length that a hop must not exceed: a longer one could hold the whole window, or hide every pause that ends a session.</summary>
    private static Duration? ShortestSpanOf(WindowDefinition window) => window.Kind switch
    {
        WindowKind.Sliding => window.Width,
        WindowKind.Session => window.Gap,
        WindowKind.Tumbling when window.Unit == CalendarUnit.None => window.Width,
        _ => null,
    };
}
