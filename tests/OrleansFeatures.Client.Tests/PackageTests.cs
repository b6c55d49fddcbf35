using System.Diagnostics;
using System.Reflection;
using OrleansFeatures.Server.Hosting;

namespace OrleansFeatures.Client.Tests;

/// <summary>The package as a stranger meets it: packed, restored into a program of its own from a folder, run against the real server.</summary>
public sealed class PackageTests
{
    private const string Definitions = """
        apiVersion: orleansfeatures/v1
        streams:
          - {name: clicks, version: 1, event_id: id, event_time: at, fields: {id: int64, at: timestamp, visitor: string}}
        entities:
          - {name: visitor, key: [visitor]}
        feature_views:
          - {name: activity, version: 1, entity: visitor, stream: clicks, features: [{name: clicks_1h, aggregate: count, window: 1h}]}
        """;

    private const string Program = """
        using OrleansFeatures.Client;
        using OrleansFeatures.Client.Pushing;
        using OrleansFeatures.Client.Vectors;

        using var store = new FeatureStoreClient(args[0]);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        await store.PushAsync(new EventRows("clicks", "id", "at", "visitor").Add(1, now, "ann").Add(2, now, "ann"));
        FeatureVectors answer = await store.GetAsync(FeatureQuery.Features("activity:clicks_1h").Row(("visitor", "ann")));
        Console.WriteLine($"clicks_1h = {answer[0].Int64("activity:clicks_1h")}");
        """;

    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="OrleansFeatures.Client" Version="0.1.0" />
          </ItemGroup>
        </Project>
        """;

    [Fact]
    public async Task A_stranger_restores_the_package_and_reads_features()
    {
        string directory = Directory.CreateTempSubdirectory("client-package-").FullName;
        try
        {
            string feed = Path.Combine(directory, "feed");
            foreach (string project in (string[])["Grpc", "Protocol", "Client"])
            {
                await DotnetAsync(RepositoryRoot, ["pack", $"src/OrleansFeatures.{project}", "--no-build", "-c", Configuration, "-o", feed, "-v", "quiet", "--nologo"]);
            }

            string app = Directory.CreateDirectory(Path.Combine(directory, "app")).FullName;
            await File.WriteAllTextAsync(Path.Combine(app, "app.csproj"), Project, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(app, "Program.cs"), Program, TestContext.Current.CancellationToken);

            // A package folder of its own: the next version of the same number must not meet this one. What it needs of others is where this build has it already.
            await DotnetAsync(app, ["build", "-v", "quiet", "--nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false", $"-p:RestoreAdditionalProjectSources={feed}", $"-p:RestorePackagesPath={Path.Combine(directory, "packages")}", $"-p:RestoreFallbackFolders={PackageFolder}"]);
            string definitions = Directory.CreateDirectory(Path.Combine(directory, "definitions")).FullName;
            await File.WriteAllTextAsync(Path.Combine(definitions, "clicks.yaml"), Definitions, TestContext.Current.CancellationToken);
            await using EmbeddedServer server = await EmbeddedServer.StartAsync(new ServeOptions(Path.Combine(directory, "data"), definitions, 0, 0), TestContext.Current.CancellationToken);

            (await DotnetAsync(app, ["run", "--no-build", "--", server.GrpcAddress.ToString()])).Trim().ShouldBe("clicks_1h = 2");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string RepositoryRoot => Metadata("RepositoryRoot");

    private static string Configuration => Metadata("Configuration");

    private static string PackageFolder => Metadata("PackageFolder");

    private static string Metadata(string key) => typeof(PackageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;

    private static async Task<string> DotnetAsync(string directory, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        process.ExitCode.ShouldBe(0, $"dotnet {string.Join(' ', arguments)}: {await output}{await errors}");
        return await output;
    }
}
