"""Settings: what an entry point reads from the environment or a `.env` file, every name beginning with `RAB_`.

Only entry points read this. Stages receive small policies, so that the same inputs give the same outputs wherever they
run.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableSetting

from rab.errors import SettingsError
from rab.store.server_policy import ServerPolicy

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda name: str(name).upper())]


class StoreSettings(BaseModel):
    """Where vectors live."""

    url: str | None = Field(default=None, description="Address of a Qdrant server; unset: embedded, in RAB_HOME.")
    api_key: SecretStr | None = Field(default=None, description="Key of that server.")
    server: ServerPolicy = Field(
        default=ServerPolicy(), description="How collections on that server are made and searched, as JSON or by part."
    )


class CatalogSettings(BaseModel):
    """Where the catalog lives."""

    url: str | None = Field(
        default=None, description="SQLAlchemy URL of a PostgreSQL database; unset: SQLite in RAB_HOME."
    )


class LanguageSettings(BaseModel):
    """Which language model takes part in writing, if any."""

    base_url: str | None = Field(
        default=None, description="Address of an OpenAI-compatible server; unset: templates write, nothing is sent."
    )
    model: str | None = Field(default=None, description="Model that this server is asked for.")
    api_key: SecretStr | None = Field(default=None, description="Key of that server.")
    mode: Literal["template", "select", "plan", "polish"] = Field(
        default="select", description="What the model may do: select facts, plan statements, or polish sentences."
    )


class HttpSettings(BaseModel):
    """Where the service listens."""

    host: str = Field(default="127.0.0.1", description="Address that `rab serve` binds to.")
    port: int = Field(default=8420, ge=0, le=65535, description="Port that `rab serve` binds to; 0 takes any free one.")


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(env_prefix="RAB_", env_nested_delimiter="__", env_file=".env", extra="ignore")

    home: Path = Field(
        default=Path("rab-data"), description="Data directory: catalog, vectors, weights, samples, reports."
    )
    model: str = Field(default="birdnet-v2.4", description="Model that embeds and searches when none is named.")
    models_dir: Path | None = Field(default=None, description="Where weights are installed; unset: RAB_HOME/models.")
    runtime: Literal["onnx", "litert"] | None = Field(
        default=None, description="Runtime of models that have several; unset: the faster one, ONNX Runtime."
    )
    n_threads: int | None = Field(
        default=None, ge=1, description="Windows heard at once in an ingest; unset: one per core."
    )
    models_mirror: str | None = Field(
        default=None, description="Base address that takes the place of `https://host` when weights are downloaded."
    )
    accept_licences: bool = Field(
        default=False, description="Accept the licences of models unattended; otherwise `rab models install` asks."
    )
    log_level: LogLevel = Field(default="WARNING", description="Least level of log lines on standard error.")
    store: StoreSettings = StoreSettings()
    catalog: CatalogSettings = CatalogSettings()
    llm: LanguageSettings = LanguageSettings()
    http: HttpSettings = HttpSettings()


def read_settings(**overrides: object) -> Settings:
    """Read settings; `overrides` that are not None win over the environment.

    Raises `SettingsError` that names each setting that is out of bounds.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic validates each by name
    except ValidationError as error:
        faults = "; ".join(
            f"RAB_{'__'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}" for fault in error.errors()
        )
        raise SettingsError(faults, hint="correct the environment variable or the line in .env") from error
    except (UnreadableSetting, UnicodeDecodeError) as error:
        raise SettingsError(
            f"settings cannot be read: {error}", hint="correct the environment variable, or save .env as UTF-8"
        ) from error
