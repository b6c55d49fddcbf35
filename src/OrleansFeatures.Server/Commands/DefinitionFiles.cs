using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Commands;

/// <summary>Reads a feature repository: the *.yaml files of a directory, or one file.</summary>
internal static class DefinitionFiles
{
    public static DefinitionFile[] Load(string path)
    {
        string[] files = FilesOf(path);
        long bytes = files.Sum(file => new FileInfo(file).Length);
        if (bytes > Limits.DefinitionBytesMax)
        {
            throw CommandFailure.Refused($"{path}: {bytes:N0} bytes of definitions, at most {Limits.DefinitionBytesMax:N0}; is this the right directory?");
        }

        return files.Select(file => new DefinitionFile { Name = file, Content = File.ReadAllText(file) }).ToArray();
    }

    private static string[] FilesOf(string path)
    {
        if (File.Exists(path))
        {
            return [path];
        }

        if (!Directory.Exists(path))
        {
            throw CommandFailure.Usage($"{path}: no such file or directory; give a directory of *.yaml files");
        }

        string[] files = Directory.EnumerateFiles(path)
            .Where(file => Path.GetExtension(file) is ".yaml" or ".yml")
            .Order(StringComparer.Ordinal)
            .ToArray();
        return files.Length > 0 ? files : throw CommandFailure.Usage($"{path}: no *.yaml files in the directory");
    }
}
