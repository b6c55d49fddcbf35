using System.Collections.Immutable;

namespace OrleansFeatures.Gateway.Registry;

/// <summary>A feature repository on disk: every *.yaml and *.yml file below a folder, in the order of their relative names.</summary>
public static class DefinitionFolder
{
    /// <summary>
    /// Reads the folder, or the one file, at <paramref name="path"/>. Files are named relative to it, with forward slashes. A file that is
    /// too long or not UTF-8 is an error and is left out; so is a folder without any definition file.
    /// </summary>
    /// <exception cref="IOException">The folder or a file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or a file may not be read.</exception>
    public static ImmutableArray<DefinitionSource> Read(string path, out ImmutableArray<SourceError> errors)
    {
        var sources = ImmutableArray.CreateBuilder<DefinitionSource>();
        var problems = ImmutableArray.CreateBuilder<SourceError>();
        bool isFile = File.Exists(path);
        string[] files = isFile ? [path] : [.. Directory.EnumerateFiles(path, "*.y*ml", SearchOption.AllDirectories).Where(IsDefinition)];
        string NameOf(string file) => isFile ? Path.GetFileName(file) : Path.GetRelativePath(path, file).Replace('\\', '/');
        foreach (string file in files.OrderBy(NameOf, StringComparer.Ordinal).Take(Limits.DefinitionFilesMax + 1))
        {
            string name = NameOf(file);
            if (new FileInfo(file).Length > Limits.DefinitionFileCharsMax * 4L)
            {
                problems.Add(new SourceError(name, 1, 1, $"the file is longer than {Limits.DefinitionFileCharsMax} characters", "split it into several files"));
            }
            else if (DefinitionSource.Decode(name, File.ReadAllBytes(file), out SourceError? error) is { } source)
            {
                sources.Add(source);
            }
            else
            {
                problems.Add(error!);
            }
        }

        if (files.Length == 0)
        {
            problems.Add(new SourceError(path, 1, 1, "there is no definition file in this folder", "add a file such as fraud.yaml"));
        }

        errors = problems.ToImmutable();
        return sources.ToImmutable();
    }

    private static bool IsDefinition(string file) => Path.GetExtension(file) is ".yaml" or ".yml";
}
