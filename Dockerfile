# The image of a silo: docker build -t orleans-features-silo:0.1.0 .
# With Event Hubs and Kubernetes hosting:  docker build --build-arg CLOUD=true -t orleans-features-silo:0.1.0-cloud .

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG CLOUD=false
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY protos/ protos/
COPY definitions/ definitions/
COPY loadtest/slo.yaml loadtest/
COPY src/ src/
# Packages stay in the builder's cache from one build to the next.
RUN --mount=type=cache,target=/root/.nuget/packages \
    dotnet publish src/OrleansFeatures.Silo -c Release -p:Cluster=true -p:Cloud=${CLOUD} -o /app

# No shell, no package manager; with time zones (which -extra has), because windows may follow a calendar.
FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled-extra
WORKDIR /app
COPY --from=build /app ./
# The root file system may be read-only: without diagnostics .NET wants no files of its own, what is temporary goes to /tmp.
ENV DOTNET_EnableDiagnostics=0 TMPDIR=/tmp
# gRPC, HTTP, silo, gateway. A container listens on loopback unless ORLEANS_FEATURES_LISTEN says otherwise: there is no authentication.
EXPOSE 6565 6580 11111 30000
USER 1654
ENTRYPOINT ["dotnet", "orleans-features-silo.dll"]
CMD ["serve"]
