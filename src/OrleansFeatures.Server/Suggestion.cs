namespace OrleansFeatures.Server;

/// <summary>"Did you mean": the known name nearest to a misspelled one.</summary>
internal static class Suggestion
{
    /// <summary>"; did you mean 'transactions'?" or nothing.</summary>
    public static string For(string wrong, IEnumerable<string> known)
    {
        string? nearest = known
            .Select(name => (Name: name, Distance: Distance(wrong, name)))
            .Where(candidate => candidate.Distance <= Math.Min(Limits.SuggestionDistanceMax, Math.Max(1, candidate.Name.Length / 2)))
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
        return nearest is null ? "" : $"; did you mean '{nearest}'?";
    }

    /// <summary>Levenshtein's distance: the fewest insertions, deletions and replacements that turn one into the other.</summary>
    private static int Distance(string left, string right)
    {
        int[] above = Enumerable.Range(0, right.Length + 1).ToArray();
        for (int row = 1; row <= left.Length; row++)
        {
            int[] current = new int[right.Length + 1];
            current[0] = row;
            for (int column = 1; column <= right.Length; column++)
            {
                int replace = above[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1);
                current[column] = Math.Min(replace, 1 + Math.Min(above[column], current[column - 1]));
            }

            above = current;
        }

        return above[right.Length];
    }
}
