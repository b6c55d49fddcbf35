namespace OrleansFeatures.Domain.Definitions;

/// <summary>
/// "Did you mean": the known name that a misspelt one most likely stands for. The distance is the number of single-letter
/// insertions, deletions, replacements and swaps of neighbours (optimal string alignment), letters compared without case.
/// </summary>
public static class NameSuggestion
{
    /// <summary>Longer words are compared by their first letters only, so the table of distances stays small.</summary>
    private const int ComparedLengthMax = 64;

    /// <summary>
    /// The nearest of <paramref name="known"/>, or null when none is near: at most one edit for every three letters, at least one.
    /// Of equally near names the alphabetically first wins, so that a message never depends on the order of the files.
    /// </summary>
    public static string? Closest(string wrong, IEnumerable<string> known)
    {
        string? best = null;
        int bestDistance = int.MaxValue;
        foreach (string candidate in known)
        {
            int distance = Distance(wrong, candidate);
            bool near = distance <= Math.Max(1, Math.Min(wrong.Length, candidate.Length) / 3);
            bool wins = distance < bestDistance || (distance == bestDistance && string.CompareOrdinal(candidate, best) < 0);
            if (near && wins)
            {
                best = candidate;
                bestDistance = distance;
            }
        }

        return best;
    }

    /// <summary>
    /// A suggestion as a sentence: "did you mean 'amount'?" or, when nothing is near, the known names themselves ("known: a, b, c").
    /// </summary>
    public static string DidYouMean(string wrong, IEnumerable<string> known)
    {
        string[] names = [.. known.Distinct(StringComparer.Ordinal)];
        if (Closest(wrong, names) is { } near)
        {
            return $"did you mean '{near}'?";
        }

        const int listedMax = 12;
        string list = string.Join(", ", names.Take(listedMax));
        return names.Length == 0 ? "nothing is defined yet" : $"known: {list}{(names.Length > listedMax ? ", …" : "")}";
    }

    private static int Distance(string left, string right)
    {
        int width = Math.Min(right.Length, ComparedLengthMax);
        int height = Math.Min(left.Length, ComparedLengthMax);
        Span<int> beforePrevious = stackalloc int[ComparedLengthMax + 1];
        Span<int> previous = stackalloc int[ComparedLengthMax + 1];
        Span<int> current = stackalloc int[ComparedLengthMax + 1];
        for (int x = 0; x <= width; x++)
        {
            previous[x] = x;
        }

        for (int y = 1; y <= height; y++)
        {
            current[0] = y;
            for (int x = 1; x <= width; x++)
            {
                int replace = previous[x - 1] + (Same(left[y - 1], right[x - 1]) ? 0 : 1);
                int best = Math.Min(replace, Math.Min(previous[x], current[x - 1]) + 1);
                bool swapped = y > 1 && x > 1 && Same(left[y - 1], right[x - 2]) && Same(left[y - 2], right[x - 1]);
                current[x] = swapped ? Math.Min(best, beforePrevious[x - 2] + 1) : best;
            }

            Span<int> free = beforePrevious;
            beforePrevious = previous;
            previous = current;
            current = free;
        }

        return previous[width];
    }

    private static bool Same(char left, char right) => char.ToLowerInvariant(left) == char.ToLowerInvariant(right);
}
